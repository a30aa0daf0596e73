import UQNumerics

extension Tensor {
  /// A tensor of the same type made line by line: `body` gets the first element of a line along
  /// `axis`, the place for it, the number of elements and the distance between neighbours.
  func mappedLines<T: TensorElement>(
    along axis: Int,
    _ body: (
      _ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ count: Int, _ step: Int
    ) -> Void
  ) -> Tensor {
    var result = Tensor(zeros: element, shape)
    guard count > 0 else { return result }
    let extent = shape[axis]
    let step = shape.strides[axis]
    result.withMutableElements(T.self) { output in
      withElements(T.self) { input in
        guard let x = input.baseAddress, let y = output.baseAddress else { return }
        for outer in 0..<count / (extent * step) {
          for inner in 0..<step {
            let start = outer * extent * step + inner
            body(x + start, y + start, extent, step)
          }
        }
      }
    }
    return result
  }
}
