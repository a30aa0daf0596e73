import Foundation
import UQNumerics
import UQSupport

/// One sample: what a model is given, and what is known about it.
public struct Sample: Sendable {
  /// Names the sample in messages: its file below the folder, with `[index]` within a file.
  public var name: String
  /// A tensor for each input, with the input's name where the file says it.
  public var inputs: [(name: String?, tensor: Tensor)]
  /// Index of the class; `nil` without labels.
  public var label: Int?
  /// Whether channels stand last only because neither the file nor the preprocessing says where
  /// they belong; fitting may then move them first.
  public var hasFreeLayout: Bool

  /// Creates a sample.
  public init(
    name: String, inputs: [(name: String?, tensor: Tensor)], label: Int? = nil,
    hasFreeLayout: Bool = false
  ) {
    self.name = name
    self.inputs = inputs
    self.label = label
    self.hasFreeLayout = hasFreeLayout
  }
}

/// Samples that are loaded one by one, from any thread.
public protocol SampleSource: Sendable {
  /// Number of samples.
  var count: Int { get }
  /// A name for each sample, in order.
  var names: [String] { get }
  /// Index of the class of each sample; `nil` where there are no labels.
  var labels: [Int]? { get }
  /// Names of the classes in the order of their indices; `nil` where they are not known.
  var classes: [String]? { get }

  /// Loads a sample.
  ///
  /// - Precondition: `0 <= index < count`.
  /// - Throws: `samples.*`, naming the sample's file.
  func sample(at index: Int) throws(Diagnostic) -> Sample
}

extension SampleSource {
  /// The tensors that a model with these inputs is given; see ``Sample/tensors(for:)``.
  public func tensors(for sample: Sample, inputs: [(name: String, type: TensorType)])
    throws(Diagnostic) -> [Tensor]
  {
    try sample.tensors(for: inputs)
  }
}

/// Reads an ONNX `TensorProto` file: the tensor's name, where it has one, and its value.
///
/// The layer that knows ONNX gives it to ``SampleFolder``.
public typealias TensorProtoReader =
  @Sendable (_ path: String) throws -> (
    name: String?, tensor: Tensor
  )
