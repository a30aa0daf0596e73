import UQGraph
import UQNumerics

extension Window2D {
  /// Whether every window over `[N, H, W, C]` holds an element of the image, not padding alone.
  ///
  /// - Complexity: O(H' · kh + W' · kw).
  func alwaysHoldsElements(of shape: Shape) -> Bool {
    guard shape.rank == 4, let extents = outputExtents([shape[1], shape[2]]) else { return false }
    return (0..<2).allSatisfy { axis in
      (0..<extents[axis]).allSatisfy { position in
        !taps(axis, position, shape[axis + 1]).isEmpty
      }
    }
  }

  /// The taps of the window at `position` along an axis (0: height, 1: width) that lie in `0..<extent`.
  func taps(_ axis: Int, _ position: Int, _ extent: Int) -> Range<Int> {
    let start = position * strides[axis] - padding[axis]
    let step = dilations[axis]
    // First tap at or after 0, first tap at or after the extent.
    let first = start >= 0 ? 0 : (-start + step - 1) / step
    let end = start >= extent ? 0 : (extent - start + step - 1) / step
    let low = Swift.min(first, kernel[axis])
    return low..<Swift.max(low, Swift.min(end, kernel[axis]))
  }
}
