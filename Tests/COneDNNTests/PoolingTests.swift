import COneDNN
import Foundation
import Testing

private struct Window {
  var h: Int32
  var w: Int32
  var c: Int32
  var kernel: (Int32, Int32)
  var stride: (Int32, Int32)
  var dilation: (Int32, Int32) = (1, 1)
  var pads: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)

  func shape(_ kind: Int) -> uq_dnn_pooling {
    let outH = (h + pads.0 + pads.2 - (kernel.0 - 1) * dilation.0 - 1) / stride.0 + 1
    let outW = (w + pads.1 + pads.3 - (kernel.1 - 1) * dilation.1 - 1) / stride.1 + 1
    return uq_dnn_pooling(
      kind: Int32(kind), batch: 2, in_h: h, in_w: w, out_h: outH, out_w: outW, channels: c,
      kernel_h: kernel.0, kernel_w: kernel.1, stride_h: stride.0, stride_w: stride.1,
      dilation_h: dilation.0, dilation_w: dilation.1, pad_top: pads.0, pad_left: pads.1,
      pad_bottom: pads.2, pad_right: pads.3)
  }
}

private let windows: [Window] = [
  .init(h: 8, w: 8, c: 16, kernel: (2, 2), stride: (2, 2)),
  .init(h: 9, w: 7, c: 5, kernel: (3, 3), stride: (2, 2), pads: (1, 1, 1, 1)),
  .init(h: 9, w: 8, c: 17, kernel: (3, 2), stride: (1, 2), pads: (0, 1, 2, 0)),
  .init(h: 8, w: 8, c: 64, kernel: (8, 8), stride: (1, 1)),
  .init(h: 11, w: 12, c: 8, kernel: (3, 3), stride: (1, 1), dilation: (2, 3), pads: (1, 1, 1, 1)),
]

@Suite struct PoolingTests {
  @Test(arguments: [
    UQ_DNN_POOL_MAX, UQ_DNN_POOL_AVERAGE_INCLUDE_PADDING, UQ_DNN_POOL_AVERAGE_EXCLUDE_PADDING,
  ])
  func poolingEqualsNaiveLoops(_ kind: Int) throws {
    for window in windows {
      let shape = window.shape(kind)
      var values = Values(seed: 7)
      // Below zero, so that padding taken for an element would win a maximum.
      let src = values.take(Int(2 * window.h * window.w * window.c)).map { $0 - 2 }
      let op = try Prepared { engine, op in
        withUnsafePointer(to: shape) { uq_dnn_pooling_create(engine, $0, op) }
      }
      let result = try op.run(src, count: Int(2 * shape.out_h * shape.out_w * window.c))
      #expect(distance(result, Reference.pooling(shape, src)) < 1e-5)
    }
  }

  @Test func windowsOutsideTheImageAreUnsupported() {
    var shape = windows[0].shape(UQ_DNN_POOL_AVERAGE_EXCLUDE_PADDING)
    (shape.pad_top, shape.pad_bottom, shape.out_h) = (2, 2, 6)
    var unknown = windows[0].shape(3)
    unknown.kind = 3
    for shape in [shape, unknown] {
      #expect(throws: ShimFailure.self) {
        _ = try Prepared { engine, op in
          withUnsafePointer(to: shape) { uq_dnn_pooling_create(engine, $0, op) }
        }
      }
    }
  }

  @Test func versionIsThatOfTheLibrary() {
    let version = String(cString: uq_dnn_version())
    #expect(version.split(separator: ".").count == 3)
    #expect(["2", "3"].contains(version.prefix(1)))
  }

  @Test func everyProcessorRunsTheSameCode() throws {
    let engine = try #require(uq_dnn_engine_create())
    defer { uq_dnn_engine_destroy(engine) }
    let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    #expect((uq_dnn_same_on_all_processors() == 1) == processors.contains(" avx2"))
  }
}
