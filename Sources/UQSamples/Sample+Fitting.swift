import UQNumerics
import UQSupport

extension Sample {
  /// The sample's tensors in the order, shape and element type of a model's inputs.
  ///
  /// Tensors are matched by name where names agree, else by order. Axes of extent 1 come and go, a
  /// flat tensor takes any shape of as many elements, and channels move first where
  /// ``hasFreeLayout`` and the model's shape call for it. Element types are converted (float to
  /// integer truncates toward zero and saturates; see also ``Tensor/converted(for:)``).
  ///
  /// - Throws: `sample.inputs.mismatch` where inputs have no tensor, `sample.shape.mismatch`.
  public func tensors(for model: [(name: String, type: TensorType)]) throws(Diagnostic) -> [Tensor]
  {
    let matched = try matched(to: model.map(\.name))
    var result: [Tensor] = []
    for (tensor, input) in zip(matched, model) {
      let shaped = try shaped(tensor, as: input.type, name: input.name)
      result.append(shaped.converted(for: input.type))
    }
    return result
  }

  private func matched(to names: [String]) throws(Diagnostic) -> [Tensor] {
    if names.count == 1, inputs.count == 1 { return [inputs[0].tensor] }
    var byName: [String: Tensor] = [:]
    for input in inputs { if let name = input.name { byName[name] = input.tensor } }
    let found = names.compactMap { byName[$0] }
    if found.count == names.count { return found }
    if found.isEmpty, inputs.count == names.count { return inputs.map(\.tensor) }
    let given = inputs.map { $0.name ?? "(unnamed)" }.joined(separator: ", ")
    throw Diagnostic(
      id: "sample.inputs.mismatch",
      "the sample has \(inputs.count) tensors (\(given)), the model takes \(names.count) "
        + "(\(names.joined(separator: ", "))); name them alike or give as many",
      at: SourcePlace(file: name))
  }

  private func shaped(_ tensor: Tensor, as type: TensorType, name input: String)
    throws(Diagnostic) -> Tensor
  {
    let target = type.shape
    if tensor.count == target.count {
      if !hasFreeLayout || tensor.shape.rank < 2 {
        if tensor.shape.isSameData(as: target) { return tensor.reshaped(target) }
      } else {
        let kept = tensor.shape
        let moved = Shape([kept[kept.rank - 1]] + kept.dimensions.dropLast())
        let fitsKept = kept.withoutUnits == target.withoutUnits
        let fitsMoved = moved.withoutUnits == target.withoutUnits
        if fitsKept && !(fitsMoved && target.hasChannelsFirst) { return tensor.reshaped(target) }
        if fitsMoved { return tensor.channelsMovedFirst().reshaped(target) }
      }
    }
    var advice = ""
    if hasFreeLayout, tensor.count == target.count {
      advice = "; set preprocess.layout to channels_first or channels_last"
    } else if hasFreeLayout || tensor.shape.rank == 3 {
      advice = "; for pictures set preprocess.resize, preprocess.color or preprocess.layout"
    }
    throw Diagnostic(
      id: "sample.shape.mismatch",
      "the sample is \(tensor.type), the model's input '\(input)' takes "
        + "\(TensorType(type.element, target))\(advice)",
      at: SourcePlace(file: name))
  }
}

extension Shape {
  fileprivate var withoutUnits: [Int] { dimensions.filter { $0 != 1 } }

  /// Whether a tensor of this shape is one of the other by adding and dropping axes of extent 1, or
  /// by giving a flat one a shape.
  fileprivate func isSameData(as other: Shape) -> Bool {
    guard count == other.count else { return false }
    let (mine, others) = (withoutUnits, other.withoutUnits)
    return mine == others || mine.count <= 1 || others.count <= 1
  }

  /// Whether the axis behind the batch is as small as channels are and the last one is not.
  fileprivate var hasChannelsFirst: Bool {
    let small = [1, 3, 4]
    return rank > 2 && small.contains(self[1]) && !small.contains(self[rank - 1])
  }
}

extension Tensor {
  /// `[..., channels]` as `[channels, ...]`.
  func channelsMovedFirst() -> Tensor {
    let channels = shape[shape.rank - 1]
    var result = Tensor(zeros: element, Shape([channels] + shape.dimensions.dropLast()))
    guard count > 0 else { return result }
    let pixels = count / channels
    let width = element.byteCount
    withUnsafeBytes { from in
      result.withUnsafeMutableBytes { to in
        func move<Bits: BitwiseCopyable>(_ type: Bits.Type) {
          let source = from.bindMemory(to: Bits.self)
          let target = to.bindMemory(to: Bits.self)
          for c in 0..<channels {
            for p in 0..<pixels { target[c * pixels + p] = source[p * channels + c] }
          }
        }
        switch width {
        case 1: move(UInt8.self)
        case 2: move(UInt16.self)
        case 4: move(UInt32.self)
        default: move(UInt64.self)
        }
      }
    }
    return result
  }
}
