import COneDNN
import Testing

struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var shape: uq_dnn_convolution
  var biased = true
  var lo = -Float.infinity
  var hi = Float.infinity

  /// `pads` are top, left, bottom, right.
  init(
    _ name: String, batch: Int32 = 1, _ h: Int32, _ w: Int32, _ inC: Int32, to outC: Int32,
    kernel: (Int32, Int32) = (3, 3), stride: (Int32, Int32) = (1, 1),
    dilation: (Int32, Int32) = (1, 1), pads: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0),
    groups: Int32 = 1, biased: Bool = true, lo: Float = -.infinity, hi: Float = .infinity,
    transposed: Bool = false, outputPadding: Int32 = 0
  ) {
    let extent = ((kernel.0 - 1) * dilation.0 + 1, (kernel.1 - 1) * dilation.1 + 1)
    let outH =
      transposed
      ? (h - 1) * stride.0 + extent.0 - pads.0 - pads.2 + outputPadding
      : (h + pads.0 + pads.2 - extent.0) / stride.0 + 1
    let outW =
      transposed
      ? (w - 1) * stride.1 + extent.1 - pads.1 - pads.3 + outputPadding
      : (w + pads.1 + pads.3 - extent.1) / stride.1 + 1
    testDescription = name
    shape = uq_dnn_convolution(
      batch: batch, in_h: h, in_w: w, in_c: inC, out_h: outH, out_w: outW, out_c: outC,
      kernel_h: kernel.0, kernel_w: kernel.1, stride_h: stride.0, stride_w: stride.1,
      dilation_h: dilation.0, dilation_w: dilation.1, pad_top: pads.0, pad_left: pads.1,
      pad_bottom: pads.2, pad_right: pads.3, groups: groups)
    self.biased = biased
    self.lo = lo
    self.hi = hi
  }

  var srcCount: Int { Int(shape.batch * shape.in_h * shape.in_w * shape.in_c) }
  var dstCount: Int { Int(shape.batch * shape.out_h * shape.out_w * shape.out_c) }
  var weightCount: Int {
    Int(shape.out_c * shape.kernel_h * shape.kernel_w * (shape.in_c / shape.groups))
  }
}

private let convolutions: [ConvolutionCase] = [
  .init("1x1", 5, 7, 8, to: 12, kernel: (1, 1)),
  .init("3x3 of three channels, ReLU", 16, 16, 3, to: 16, pads: (1, 1, 1, 1), lo: 0),
  .init("3x3, ReLU6, batch", batch: 2, 8, 8, 16, to: 16, pads: (1, 1, 1, 1), lo: 0, hi: 6),
  .init("stride 2, asymmetric pads", 9, 8, 16, to: 32, stride: (2, 2), pads: (0, 0, 1, 1)),
  .init("stride larger than the rest", 10, 11, 5, to: 7, stride: (3, 2), pads: (1, 0, 0, 2)),
  .init("dilation", 12, 13, 8, to: 8, dilation: (2, 3), pads: (2, 3, 2, 3)),
  .init(
    "10x4 kernel, no bias", 49, 10, 1, to: 8, kernel: (10, 4), stride: (2, 2),
    pads: (4, 1, 5, 1), biased: false),
  .init("groups", 8, 8, 12, to: 18, pads: (1, 1, 1, 1), groups: 3),
  .init("groups of 16", 6, 6, 32, to: 32, pads: (1, 1, 1, 1), groups: 2, lo: -0.5, hi: 0.5),
  .init("depthwise", 25, 5, 64, to: 64, pads: (1, 1, 1, 1), groups: 64, lo: 0),
  .init(
    "depthwise, odd channels", 9, 9, 13, to: 13, stride: (2, 2), pads: (1, 1, 1, 1), groups: 13,
    biased: false),
  .init("depthwise, dilated", 12, 12, 8, to: 8, dilation: (2, 2), groups: 8),
  .init("depthwise of multiplier 3", 7, 7, 4, to: 12, pads: (1, 1, 1, 1), groups: 4, lo: -1, hi: 2),
  .init("single element", 1, 1, 1, to: 1, kernel: (1, 1), hi: 0.25),
]

private let transposedConvolutions: [ConvolutionCase] = [
  .init(
    "2x2, stride 2, ReLU", 8, 8, 16, to: 8, kernel: (2, 2), stride: (2, 2), lo: 0,
    transposed: true),
  .init(
    "3x3, stride 2, output padding", 5, 6, 4, to: 6, stride: (2, 2), pads: (1, 1, 1, 1),
    transposed: true, outputPadding: 1),
  .init(
    "asymmetric pads, clip, batch", batch: 2, 5, 5, 3, to: 5, kernel: (4, 3), stride: (2, 1),
    pads: (1, 0, 0, 1), biased: false, lo: -0.5, hi: 1, transposed: true),
  .init("dilation", 6, 6, 4, to: 4, dilation: (2, 2), pads: (1, 1, 1, 1), transposed: true),
  .init("groups", 6, 6, 8, to: 4, stride: (2, 2), groups: 2, transposed: true),
  .init(
    "depthwise", 6, 6, 8, to: 8, stride: (2, 2), pads: (1, 1, 1, 1), groups: 8, lo: 0, hi: 6,
    transposed: true),
]

@Suite struct ConvolutionTests {
  @Test(arguments: convolutions) func convolutionEqualsNaiveLoops(_ c: ConvolutionCase) throws {
    var values = Values(seed: 1)
    let src = values.take(c.srcCount)
    let weights = values.take(c.weightCount)
    let bias = c.biased ? values.take(Int(c.shape.out_c)) : nil
    let op = try Prepared { engine, op in
      withUnsafePointer(to: c.shape) {
        uq_dnn_convolution_create(engine, $0, weights, bias, c.lo, c.hi, op)
      }
    }
    let expected = Reference.convolution(c.shape, src, weights, bias, lo: c.lo, hi: c.hi)
    #expect(distance(try op.run(src, count: c.dstCount), expected) < 2e-5)
    #expect(op.weightBytes >= UInt64(4 * (c.weightCount + (bias?.count ?? 0))))
  }

  @Test(arguments: transposedConvolutions)
  func transposedConvolutionEqualsNaiveLoops(_ c: ConvolutionCase) throws {
    var values = Values(seed: 2)
    let src = values.take(c.srcCount)
    let weights = values.take(c.weightCount)
    let bias = c.biased ? values.take(Int(c.shape.out_c)) : nil
    let op = try Prepared { engine, op in
      withUnsafePointer(to: c.shape) {
        uq_dnn_transposed_convolution_create(engine, $0, weights, bias, c.lo, c.hi, op)
      }
    }
    let expected = Reference.transposedConvolution(c.shape, src, weights, bias, lo: c.lo, hi: c.hi)
    #expect(distance(try op.run(src, count: c.dstCount), expected) < 2e-5)
  }

  @Test func weightsAreCopied() throws {
    let c = ConvolutionCase("copied", 4, 4, 8, to: 8)
    var values = Values(seed: 3)
    let src = values.take(c.srcCount)
    var weights = values.take(c.weightCount)
    let op = try Prepared { engine, op in
      withUnsafePointer(to: c.shape) {
        uq_dnn_convolution_create(engine, $0, weights, nil, -.infinity, .infinity, op)
      }
    }
    let before = try op.run(src, count: c.dstCount)
    for i in weights.indices { weights[i] = .nan }
    #expect(try op.run(src, count: c.dstCount) == before)
  }

  /// Four threads on one op, and an op made on another thread, give the bits of one thread.
  @Test(arguments: convolutions) func threadsAgreeToTheLastBit(_ c: ConvolutionCase) async throws {
    let prepare: @Sendable () throws -> (Prepared, [Float]) = {
      var values = Values(seed: 4)
      let src = values.take(c.srcCount)
      let weights = values.take(c.weightCount)
      let bias = values.take(Int(c.shape.out_c))
      let op = try Prepared { engine, op in
        withUnsafePointer(to: c.shape) {
          uq_dnn_convolution_create(engine, $0, weights, bias, c.lo, c.hi, op)
        }
      }
      return (op, src)
    }
    let (op, src) = try prepare()
    let expected = try op.run(src, count: c.dstCount).map(\.bitPattern)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<50
          where try op.run(src, count: c.dstCount).map(\.bitPattern) != expected { return false }
          let (own, same) = try prepare()
          return try own.run(same, count: c.dstCount).map(\.bitPattern) == expected
        }
      }
      for try await agrees in group { #expect(agrees) }
    }
  }

  @Test func impossibleShapesAreUnsupported() throws {
    let good = ConvolutionCase("good", 4, 4, 8, to: 8).shape
    let weights = [Float](repeating: 0, count: 8 * 9 * 8)
    var bad: [uq_dnn_convolution] = []
    func add(_ change: (inout uq_dnn_convolution) -> Void) {
      var shape = good
      change(&shape)
      bad.append(shape)
    }
    add { $0.batch = 0 }
    add { $0.in_c = -8 }
    add { $0.groups = 0 }
    add { $0.groups = 3 }
    add { $0.stride_h = 0 }
    add { $0.dilation_w = 0 }
    add { $0.pad_left = -1 }
    add { $0.out_h = 9 }
    add { $0.in_h = .max }
    add { ($0.in_h, $0.in_w, $0.in_c) = (.max, .max, .max) }
    add { ($0.kernel_h, $0.dilation_h) = (.max, .max) }
    for shape in bad {
      for create in [uq_dnn_convolution_create, uq_dnn_transposed_convolution_create] {
        #expect(throws: ShimFailure.self) {
          _ = try Prepared { engine, op in
            withUnsafePointer(to: shape) {
              create(engine, $0, weights, nil, -.infinity, .infinity, op)
            }
          }
        }
      }
    }
    for (lo, hi) in [(Float(1), Float(0)), (.nan, 1), (0, .nan)] {
      #expect(throws: ShimFailure.self) {
        _ = try Prepared { engine, op in
          withUnsafePointer(to: good) {
            uq_dnn_convolution_create(engine, $0, weights, nil, lo, hi, op)
          }
        }
      }
    }
  }
}
