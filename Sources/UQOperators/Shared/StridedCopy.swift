import UQNumerics

/// A box of elements in a row-major array: where it starts and how far apart neighbours are.
struct StridedBox {
  /// Position of the first element.
  var offset: Int
  /// Distance in elements along each axis; 0 repeats, negative runs backwards.
  var strides: [Int]
}

/// Copies `extents` elements from a box of one tensor to a box of another of the same element type.
///
/// Transposition, slicing, broadcasting, padding, concatenation and resizing by whole factors are all
/// this copy.
///
/// - Precondition: both boxes lie inside their tensors.
func copyBox(
  _ extents: [Int], from source: Tensor, _ from: StridedBox, to target: inout Tensor,
  _ to: StridedBox
) {
  func copy<T>(_: T.Type) {
    source.withUnsafeBytes { input in
      target.withUnsafeMutableBytes { output in
        copyElements(
          extents, input.bindMemory(to: T.self), from, output.bindMemory(to: T.self), to)
      }
    }
  }
  switch source.element.byteCount {
  case 1: copy(UInt8.self)
  case 2: copy(UInt16.self)
  case 4: copy(UInt32.self)
  default: copy(UInt64.self)
  }
}

/// A new tensor whose element at an index is the one that a box of `source` has there.
func viewed(_ source: Tensor, _ box: StridedBox, as shape: Shape) -> Tensor {
  var result = Tensor(zeros: source.element, shape)
  copyBox(
    shape.dimensions, from: source, box, to: &result,
    StridedBox(offset: 0, strides: shape.strides))
  return result
}

private func copyElements<T>(
  _ extents: [Int], _ input: UnsafeBufferPointer<T>, _ from: StridedBox,
  _ output: UnsafeMutableBufferPointer<T>, _ to: StridedBox
) {
  guard extents.allSatisfy({ $0 > 0 }) else { return }
  let last = extents.count - 1
  let inner = last < 0 ? 1 : extents[last]
  let readStep = last < 0 ? 0 : from.strides[last]
  let writeStep = last < 0 ? 0 : to.strides[last]
  let rows = last < 0 ? 1 : extents[..<last].reduce(1, *)
  var index = [Int](repeating: 0, count: extents.count)
  var x = from.offset
  var y = to.offset
  for _ in 0..<rows {
    for i in 0..<inner { output[y + i * writeStep] = input[x + i * readStep] }
    var axis = last - 1
    while axis >= 0 {
      index[axis] += 1
      x += from.strides[axis]
      y += to.strides[axis]
      if index[axis] < extents[axis] { break }
      x -= from.strides[axis] * extents[axis]
      y -= to.strides[axis] * extents[axis]
      index[axis] = 0
      axis -= 1
    }
  }
}
