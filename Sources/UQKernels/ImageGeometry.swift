import UQGraph
import UQNumerics
import UQSupport

/// Extents and window of a kernel over one image `[H, W, C]`.
public struct ImageGeometry: Sendable, Hashable {
  /// Input `[height, width, channels]`.
  public var input: [Int]
  /// Output `[height, width, channels]`.
  public var output: [Int]
  /// The window.
  public var window: Window2D

  /// The geometry of a node from `x` to `y`, both `[1, H, W, C]`.
  ///
  /// - Throws: `lower.<id>.batch` for another batch than 1, `lower.<id>.size` where an extent is 0 or
  ///   sizes leave 31 bits.
  public init(
    _ id: String, _ x: TensorType, _ y: TensorType, _ window: Window2D, at place: SourcePlace
  ) throws(Diagnostic) {
    guard x.shape.rank == 4, y.shape.rank == 4, x.shape[0] == 1 else {
      throw Diagnostic(
        id: "lower.\(id).batch", "x is \(x.shape), kernels take one image [1, H, W, C]", at: place)
    }
    input = Array(x.shape.dimensions.dropFirst())
    output = Array(y.shape.dimensions.dropFirst())
    self.window = window
    // Offsets inside of kernels are int32, those of taps before and behind the image included.
    var cells = max(input[2], 1)
    for axis in 0..<2 {
      let span = window.kernel[axis] * window.dilations[axis] + window.strides[axis]
      let padding = window.padding[axis] + window.padding[axis + 2]
      let (next, overflow) = cells.multipliedReportingOverflow(by: input[axis] + span + padding)
      cells = overflow ? .max : next
    }
    let sizes = [x.shape.count, y.shape.count, window.kernel[0] * window.kernel[1], cells]
    guard sizes.allSatisfy({ $0 > 0 && $0 < 1 << 31 })
    else {
      throw Diagnostic(
        id: "lower.\(id).size",
        "x \(x.shape), result \(y.shape), kernel \(window.kernel): an extent is 0 or sizes leave 31 "
          + "bits", at: place)
    }
  }

  /// Fields `kernel_h` to `dilation_w` of a parameter structure, then padding above and to the left.
  var windowFields: [CField] {
    [
      CField("kernel_h", window.kernel[0]), CField("kernel_w", window.kernel[1]),
      CField("stride_h", window.strides[0]), CField("stride_w", window.strides[1]),
      CField("dilation_h", window.dilations[0]), CField("dilation_w", window.dilations[1]),
      CField("pad_top", window.padding[0]), CField("pad_left", window.padding[1]),
    ]
  }
}
