extension Picture {
  /// The picture in another colour arrangement; alpha is dropped.
  ///
  /// Grey is ITU-R BT.601 luma in the 16-bit fixed point that Pillow uses:
  /// `(19595·R + 38470·G + 7471·B + 32768) >> 16`.
  func converted(to color: Preprocessing.Color?) -> Picture {
    let target: Int =
      switch color {
      case .gray: 1
      case .rgb, .bgr: 3
      case nil: min(channels, 3)
      }
    if target == channels && color != .bgr { return self }
    let pixels = width * height
    let first = color == .bgr && channels > 1 ? 2 : 0
    let result = [UInt16](unsafeUninitializedCapacity: pixels * target) { to, filled in
      samples.withUnsafeBufferPointer { from in
        for i in 0..<pixels {
          let p = i * channels
          if target == 1 {
            let luma = 19595 * Int(from[p]) + 38470 * Int(from[p + 1]) + 7471 * Int(from[p + 2])
            to[i] = UInt16((luma + 32768) >> 16)
          } else if channels == 1 {
            for c in 0..<3 { to[3 * i + c] = from[p] }
          } else {
            to[3 * i] = from[p + first]
            to[3 * i + 1] = from[p + 1]
            to[3 * i + 2] = from[p + 2 - first]
          }
        }
      }
      filled = pixels * target
    }
    return Picture(
      width: width, height: height, channels: target, maximum: maximum, samples: result)
  }

  /// The rectangle of `height` by `width` in the middle, rounded toward the upper left.
  ///
  /// - Precondition: the picture is at least as large.
  func cropped(height newHeight: Int, width newWidth: Int) -> Picture {
    let top = (height - newHeight) / 2
    let left = (width - newWidth) / 2
    var result: [UInt16] = []
    result.reserveCapacity(newHeight * newWidth * channels)
    for y in top..<(top + newHeight) {
      let start = (y * width + left) * channels
      result += samples[start..<(start + newWidth * channels)]
    }
    return Picture(
      width: newWidth, height: newHeight, channels: channels, maximum: maximum, samples: result)
  }

  /// The picture at another size.
  ///
  /// Bilinear is Pillow's: a triangle as wide as the reduction, so that shrinking does not alias;
  /// rows first, then columns, each rounded to the samples' type, with weights of 22 fractional
  /// bits. Nearest takes the sample under the centre of the new pixel.
  func resized(height newHeight: Int, width newWidth: Int, by method: Preprocessing.Resampling)
    -> Picture
  {
    if newWidth == width && newHeight == height { return self }
    let isSmooth = method == .bilinear
    let columns = AxisWeights(from: width, to: newWidth, isSmooth: isSmooth)
    let rows = AxisWeights(from: height, to: newHeight, isSmooth: isSmooth)
    var result = self
    if newWidth != width {
      result.samples = resample(
        result.samples, columns, outer: height, inner: channels, length: width)
      result.width = newWidth
    }
    if newHeight != height {
      result.samples = resample(
        result.samples, rows, outer: 1, inner: newWidth * channels, length: height)
      result.height = newHeight
    }
    return result
  }

  /// Resamples the middle axis of `[outer, length, inner]`.
  private func resample(
    _ source: [UInt16], _ axis: AxisWeights, outer: Int, inner: Int, length: Int
  ) -> [UInt16] {
    let count = outer * axis.starts.count * inner
    let top = maximum
    return [UInt16](unsafeUninitializedCapacity: count) { to, filled in
      source.withUnsafeBufferPointer { from in
        axis.weights.withUnsafeBufferPointer { weights in
          var at = 0
          for o in 0..<outer {
            for (i, start) in axis.starts.enumerated() {
              let first = (o * length + start) * inner
              for k in 0..<inner {
                var sum = 1 << (AxisWeights.fraction - 1)
                for t in 0..<axis.counts[i] {
                  sum += Int(from[first + t * inner + k]) * weights[i * axis.width + t]
                }
                to[at] = UInt16(min(max(sum >> AxisWeights.fraction, 0), top))
                at += 1
              }
            }
          }
        }
      }
      filled = count
    }
  }
}

/// Which old samples make each new one along an axis, and how much they weigh.
private struct AxisWeights {
  static let fraction = 22
  var width: Int
  var starts: [Int] = []
  var counts: [Int] = []
  /// `[starts.count, width]`.
  var weights: [Int] = []

  init(from old: Int, to new: Int, isSmooth: Bool) {
    let ratio = Double(old) / Double(new)
    guard isSmooth else {
      width = 1
      for i in 0..<new {
        starts.append(min(Int((Double(i) + 0.5) * ratio), old - 1))
        counts.append(1)
        weights.append(1 << Self.fraction)
      }
      return
    }
    let support = max(ratio, 1)
    width = Int(support.rounded(.up)) * 2 + 1
    for i in 0..<new {
      let center = (Double(i) + 0.5) * ratio
      let first = max(Int(center - support + 0.5), 0)
      let last = min(Int(center + support + 0.5), old)
      var real = (first..<last).map { x in
        max(0, 1 - abs((Double(x) - center + 0.5) * (1 / support)))
      }
      let sum = real.reduce(0, +)
      if sum != 0 { real = real.map { $0 / sum } }
      starts.append(first)
      counts.append(real.count)
      weights += real.map { Int(0.5 + $0 * Double(1 << Self.fraction)) }
      weights += [Int](repeating: 0, count: width - real.count)
    }
  }
}
