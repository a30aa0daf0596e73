import Foundation
import UQNumerics
import UQOnnx
import UQSamples
import UQSupport

/// Tensors given to `uq run` by `--input [NAME=]FILE`, cut into samples.
public struct InputFiles: Sendable {
  /// A tensor for each input, for each sample.
  public var samples: [[Tensor]]
  /// Whether the files had a sample axis, so that outputs are stacked.
  public var isStacked: Bool
  /// Whether that axis takes the place of the model's batch axis of 1.
  private var replacesBatch: Bool

  /// Reads the files and matches them with the model's inputs, by name or in order.
  ///
  /// - Throws: `run.input.*`.
  public init(_ arguments: [String], inputs: [(name: String, type: TensorType)]) throws {
    var named: [(name: String?, tensor: Tensor)] = []
    for argument in arguments {
      let (name, path) = InputFiles.split(argument, inputs: inputs.map(\.name))
      if path.hasSuffix(".npz") {
        named += try NumPyArchive.read(path).map { ($0.name, $0.tensor) }
      } else if path.hasSuffix(".pb") {
        let file = try TensorProtoFile.read(path)
        named.append((name ?? (file.name.isEmpty ? nil : file.name), file.tensor))
      } else if path.hasSuffix(".npy") {
        named.append((name, try NumPyFile.read(path)))
      } else {
        throw Diagnostic(
          id: "run.input.form", "is not .npy, .npz or .pb", at: SourcePlace(file: path))
      }
    }
    let tensors = try InputFiles.match(named, inputs)
    var counts: Set<Int> = []
    var forms: Set<Bool> = []
    for (tensor, input) in zip(tensors, inputs) {
      switch InputFiles.axis(tensor.shape, input.type.shape) {
      case .some(.none): counts.insert(-1)
      case .batch(let count):
        counts.insert(count)
        forms.insert(true)
      case .stack(let count):
        counts.insert(count)
        forms.insert(false)
      case nil:
        throw Diagnostic(
          id: "run.input.shape",
          "input '\(input.name)' is \(input.type.shape), the file has \(tensor.shape)")
      }
    }
    // A model without inputs computes one sample.
    if inputs.isEmpty { counts.insert(-1) }
    guard counts.count <= 1, forms.count <= 1, let count = counts.first else {
      throw Diagnostic(id: "run.input.samples", "the inputs have different numbers of samples")
    }
    guard count != 0 else {
      throw Diagnostic(id: "run.input.empty", "the file holds no sample")
    }
    isStacked = count >= 0
    replacesBatch = forms.first ?? false
    if count < 0 {
      samples = [zip(tensors, inputs).map { $0.reshaped($1.type.shape) }]
    } else {
      samples = (0..<count).map { index in
        zip(tensors, inputs).map { InputFiles.part($0, index, of: count, $1.type.shape) }
      }
    }
  }

  /// Joins the outputs of all samples: stacked along a new axis in front, or along the batch axis.
  public func join(_ outputs: [Tensor]) -> Tensor? {
    guard let first = outputs.first else { return nil }
    guard isStacked else { return first }
    let tail =
      replacesBatch && first.shape.rank > 0 && first.shape[0] == 1
      ? Array(first.shape.dimensions.dropFirst()) : first.shape.dimensions
    var result = Tensor(zeros: first.element, Shape([outputs.count] + tail))
    result.withUnsafeMutableBytes { target in
      for (index, output) in outputs.enumerated() {
        output.withUnsafeBytes { source in
          let slot = index * source.count..<(index + 1) * source.count
          UnsafeMutableRawBufferPointer(rebasing: target[slot]).copyMemory(from: source)
        }
      }
    }
    return result
  }

  private static func split(_ argument: String, inputs: [String]) -> (String?, String) {
    for name in inputs where argument.hasPrefix(name + "=") {
      return (name, String(argument.dropFirst(name.count + 1)))
    }
    if let sign = argument.firstIndex(of: "="), !FileManager.default.fileExists(atPath: argument) {
      return (String(argument[..<sign]), String(argument[argument.index(after: sign)...]))
    }
    return (nil, argument)
  }

  private static func match(
    _ given: [(name: String?, tensor: Tensor)], _ inputs: [(name: String, type: TensorType)]
  ) throws(Diagnostic) -> [Tensor] {
    let names = inputs.map(\.name)
    var found = [Tensor?](repeating: nil, count: inputs.count)
    var unnamed: [Tensor] = []
    for item in given {
      if let name = item.name, let index = names.firstIndex(of: name) {
        found[index] = item.tensor
      } else if item.name == nil || given.count == inputs.count {
        unnamed.append(item.tensor)
      } else {
        throw Diagnostic(
          id: "run.input.name",
          "the model has no input '\(item.name ?? "")'; it has \(names.joined(separator: ", "))")
      }
    }
    var rest = unnamed.makeIterator()
    for index in found.indices where found[index] == nil { found[index] = rest.next() }
    let missing = zip(names, found).filter { $0.1 == nil }.map(\.0)
    guard missing.isEmpty else {
      throw Diagnostic(
        id: "run.input.missing", "no file for input \(missing.joined(separator: ", "))")
    }
    guard rest.next() == nil else {
      throw Diagnostic(
        id: "run.input.surplus", "\(given.count) inputs given, the model takes \(inputs.count)")
    }
    return found.compactMap { $0 }
  }

  /// How a file holds samples.
  private enum SampleAxis {
    /// One sample without an axis for it.
    case none
    /// The model's batch axis of 1 is longer.
    case batch(Int)
    /// An axis in front of the model's shape.
    case stack(Int)
  }

  private static func axis(_ file: Shape, _ model: Shape) -> SampleAxis? {
    if file == model { return SampleAxis.none }
    if file.rank == model.rank, model.rank > 0, model[0] == 1,
      file.dimensions.dropFirst().elementsEqual(model.dimensions.dropFirst())
    {
      return .batch(file[0])
    }
    if file.rank == model.rank + 1, file.dimensions.dropFirst().elementsEqual(model.dimensions) {
      return .stack(file[0])
    }
    return file.count == model.count ? SampleAxis.none : nil
  }

  private static func part(_ tensor: Tensor, _ index: Int, of count: Int, _ shape: Shape) -> Tensor {
    let size = shape.count * tensor.element.byteCount
    return tensor.withUnsafeBytes { bytes in
      let slice = UnsafeRawBufferPointer(rebasing: bytes[index * size..<(index + 1) * size])
      return Tensor(tensor.element, shape, copying: slice) ?? Tensor(zeros: tensor.element, shape)
    }
  }
}
