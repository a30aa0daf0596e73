import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Layouts that the C function's inputs and outputs get instead of the model's own.
public struct PortLayouts: Hashable, Sendable {
  /// Order of the axes of a picture.
  public enum Layout: String, Hashable, Sendable, CaseIterable {
    case nhwc
    case nchw
  }

  /// Layout of the inputs; `nil` keeps the model's.
  public var input: Layout?
  /// Layout of the outputs; `nil` keeps the model's.
  public var output: Layout?

  /// Creates the choice.
  public init(input: Layout? = nil, output: Layout? = nil) {
    self.input = input
    self.output = output
  }

  /// Whether nothing changes.
  public var isDefault: Bool { input == nil && output == nil }

  private static let toChannelsLast = [0, 2, 3, 1]
  private static let toChannelsFirst = [0, 3, 1, 2]

  /// Puts transposes at the ports of `graph` that do not have the wanted layout.
  ///
  /// A port of rank 4 is NCHW where it is transposed to NHWC at once (which importing an ONNX convolution
  /// does), otherwise NHWC.
  ///
  /// - Throws: what the transposes' type inference throws.
  public func apply(to graph: inout Graph) throws(Diagnostic) {
    if let input { for id in graph.inputs { try change(id, to: input, in: &graph) } }
    if let output {
      for position in graph.outputs.indices { try changeOutput(position, to: output, in: &graph) }
    }
  }

  private func change(_ id: ValueID, to layout: Layout, in graph: inout Graph) throws(Diagnostic) {
    let type = graph.type(of: id)
    guard type.shape.rank == 4 else { return }
    let isChannelsFirst = graph.nodes.contains {
      $0.operands.first == id && ($0.op as? Transpose)?.permutation == Self.toChannelsLast
    }
    guard (layout == .nchw) != isChannelsFirst else { return }
    let forward = isChannelsFirst ? Self.toChannelsLast : Self.toChannelsFirst
    let back = isChannelsFirst ? Self.toChannelsFirst : Self.toChannelsLast
    let inner = graph.append(Value(name: "\(graph[id].name):inner", type: type))
    graph.replaceUses(of: id, with: inner)
    graph[id].type.shape = Shape(forward.map { type.shape[$0] })
    graph.nodes.insert(
      Node(
        name: "\(graph[id].name)/layout", op: Transpose(permutation: back), operands: [id],
        results: [inner]), at: 0)
  }

  private func changeOutput(_ position: Int, to layout: Layout, in graph: inout Graph)
    throws(Diagnostic)
  {
    let id = graph.outputs[position]
    let type = graph.type(of: id)
    guard type.shape.rank == 4 else { return }
    let producer = graph.producers()[id.index].map { graph.nodes[$0].op as? Transpose }
    let isChannelsFirst = (producer ?? nil)?.permutation == Self.toChannelsFirst
    guard (layout == .nchw) != isChannelsFirst else { return }
    let permutation = isChannelsFirst ? Self.toChannelsLast : Self.toChannelsFirst
    let outer = graph.append(
      Value(
        name: "\(graph[id].name):\(layout.rawValue)",
        type: TensorType(type.element, Shape(permutation.map { type.shape[$0] }))))
    graph.nodes.append(
      Node(
        name: "\(graph[id].name)/layout", op: Transpose(permutation: permutation), operands: [id],
        results: [outer]))
    graph.outputs[position] = outer
  }
}
