import COneDNN

/// Reproducible test data without a library: a 64-bit linear congruential generator.
struct Values {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(state >> 40) - (1 << 23)) / Float(1 << 23)
  }

  mutating func take(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

/// Naive loops in double precision over `[N, H, W, C]`.
enum Reference {
  /// A convolution, clamped to `lo...hi`.
  static func convolution(
    _ s: uq_dnn_convolution, _ src: [Float], _ weights: [Float], _ bias: [Float]?,
    lo: Float, hi: Float
  ) -> [Float] {
    var sums = start(s, bias)
    forEachTap(s, imageH: s.in_h, imageW: s.in_w, steps: (s.out_h, s.out_w)) {
      image, step, weight in
      let x = offset(image, s.in_h, s.in_w, s.in_c, weight.input)
      let y = offset(step, s.out_h, s.out_w, s.out_c, weight.output)
      sums[y] += Double(src[x]) * Double(weights[weight.index])
    }
    return sums.map { min(max(Float($0), lo), hi) }
  }

  /// A transposed convolution, clamped to `lo...hi`.
  static func transposedConvolution(
    _ s: uq_dnn_convolution, _ src: [Float], _ weights: [Float], _ bias: [Float]?,
    lo: Float, hi: Float
  ) -> [Float] {
    var sums = start(s, bias)
    forEachTap(s, imageH: s.out_h, imageW: s.out_w, steps: (s.in_h, s.in_w)) {
      image, step, weight in
      let x = offset(step, s.in_h, s.in_w, s.in_c, weight.input)
      let y = offset(image, s.out_h, s.out_w, s.out_c, weight.output)
      sums[y] += Double(src[x]) * Double(weights[weight.index])
    }
    return sums.map { min(max(Float($0), lo), hi) }
  }

  /// The three kinds of pooling.
  static func pooling(_ s: uq_dnn_pooling, _ src: [Float]) -> [Float] {
    var result: [Float] = []
    for n in 0..<Int(s.batch) {
      for y in 0..<Int(s.out_h) {
        for x in 0..<Int(s.out_w) {
          for c in 0..<Int(s.channels) {
            var inside: [Float] = []
            for i in 0..<Int(s.kernel_h) {
              for j in 0..<Int(s.kernel_w) {
                let h = y * Int(s.stride_h) + i * Int(s.dilation_h) - Int(s.pad_top)
                let w = x * Int(s.stride_w) + j * Int(s.dilation_w) - Int(s.pad_left)
                guard (0..<Int(s.in_h)).contains(h), (0..<Int(s.in_w)).contains(w) else { continue }
                inside.append(src[((n * Int(s.in_h) + h) * Int(s.in_w) + w) * Int(s.channels) + c])
              }
            }
            let sum = inside.reduce(0.0) { $0 + Double($1) }
            switch Int(s.kind) {
            case UQ_DNN_POOL_MAX: result.append(inside.max() ?? -.infinity)
            case UQ_DNN_POOL_AVERAGE_INCLUDE_PADDING:
              result.append(Float(sum / Double(s.kernel_h * s.kernel_w)))
            default: result.append(Float(sum / Double(inside.count)))
            }
          }
        }
      }
    }
    return result
  }

  /// A batched product of two activations.
  static func matmul(_ s: uq_dnn_matmul, _ a: [Float], _ b: [Float]) -> [Float] {
    let (m, k, n) = (Int(s.m), Int(s.k), Int(s.n))
    var result: [Float] = []
    for batch in 0..<Int(s.batch) {
      let a0 = s.a_batch == 1 ? 0 : batch * m * k
      let b0 = s.b_batch == 1 ? 0 : batch * k * n
      for row in 0..<m {
        for column in 0..<n {
          var sum = 0.0
          for i in 0..<k {
            let x = a[a0 + (s.a_transposed != 0 ? i * m + row : row * k + i)]
            let y = b[b0 + (s.b_transposed != 0 ? column * k + i : i * n + column)]
            sum += Double(x) * Double(y)
          }
          result.append(Float(sum))
        }
      }
    }
    return result
  }

  private typealias Place = (n: Int, h: Int, w: Int)
  private typealias Weight = (index: Int, input: Int, output: Int)

  private static func start(_ s: uq_dnn_convolution, _ bias: [Float]?) -> [Double] {
    let pixels = Int(s.batch * s.out_h * s.out_w)
    let channels = bias?.map(Double.init) ?? [Double](repeating: 0, count: Int(s.out_c))
    return (0..<pixels).flatMap { _ in channels }
  }

  private static func offset(_ p: Place, _ h: Int32, _ w: Int32, _ c: Int32, _ channel: Int) -> Int
  {
    ((p.n * Int(h) + p.h) * Int(w) + p.w) * Int(c) + channel
  }

  /// Calls `body` for every weight and every pair of a place in the padded image and a step.
  private static func forEachTap(
    _ s: uq_dnn_convolution, imageH: Int32, imageW: Int32, steps: (h: Int32, w: Int32),
    _ body: (_ image: Place, _ step: Place, _ weight: Weight) -> Void
  ) {
    let inputs = Int(s.in_c / s.groups)
    let outputs = Int(s.out_c / s.groups)
    for n in 0..<Int(s.batch) {
      for y in 0..<Int(steps.h) {
        for x in 0..<Int(steps.w) {
          for i in 0..<Int(s.kernel_h) {
            for j in 0..<Int(s.kernel_w) {
              let h = y * Int(s.stride_h) + i * Int(s.dilation_h) - Int(s.pad_top)
              let w = x * Int(s.stride_w) + j * Int(s.dilation_w) - Int(s.pad_left)
              guard (0..<Int(imageH)).contains(h), (0..<Int(imageW)).contains(w) else { continue }
              for o in 0..<Int(s.out_c) {
                for c in 0..<inputs {
                  let index = ((o * Int(s.kernel_h) + i) * Int(s.kernel_w) + j) * inputs + c
                  body((n, h, w), (n, y, x), (index, o / outputs * inputs + c, o))
                }
              }
            }
          }
        }
      }
    }
  }
}
