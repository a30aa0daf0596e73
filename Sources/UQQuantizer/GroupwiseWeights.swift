import UQKernels
import UQNumerics

extension WeightQuantizer {
  /// Quantizes `[O, taps..., C]` with a scale for every `groupSize` input channels.
  ///
  /// A channel keeps a single scale where scales of least squared error for each group, rounded to those
  /// that the device has, are no better. No channel's largest |scale| falls below its entry of `floors`.
  /// The result's scales are `[O, groups]`.
  func quantize(_ weights: Tensor, groupSize: Int, floors: [Double]) -> QuantizedWeights {
    let shape = weights.shape
    let channels = shape[0]
    let depth = shape.last ?? 1
    let taps = weights.count / max(channels * depth, 1)
    let groups = ChannelGroups(taps: taps, channels: depth, size: groupSize)
    let template = Quantization(bits: bits, scales: [1])
    var scales: [Double] = []
    var integers = Tensor(zeros: .int8, shape)
    var real = Tensor(zeros: .float32, shape)
    let source = weights.floats
    integers.withMutableElements(Int8.self) { integers in
      real.withMutableElements(Float.self) { real in
        for channel in 0..<channels {
          let first = channel * taps * depth
          let row = source[first..<first + taps * depth].map(Double.init)
          let found = rounded(row, groups, template, floor: floors[channel])
          scales += found.scales
          for (k, q) in found.integers.enumerated() {
            integers[first + k] = Int8(q)
            real[first + k] = Float(found.scales[groups.indices[k]] * q)
          }
        }
      }
    }
    return QuantizedWeights(
      integers: integers,
      quantization: Quantization(bits: bits, scales: scales, axis: 0, groupSize: groupSize),
      dequantized: real)
  }

  private func rounded(
    _ row: [Double], _ groups: ChannelGroups, _ template: Quantization, floor: Double
  ) -> (integers: [Double], scales: [Double]) {
    let single = bestScale(row, template, floor: floor)
    var members = [[Double]](repeating: [], count: groups.count)
    for (group, value) in zip(groups.indices, row) { members[group].append(value) }
    let own = members.map { values in
      values.contains { $0 != 0 } ? bestScale(values, template, floor: 0) : single
    }
    var candidates = [[Double](repeating: single, count: groups.count)]
    candidates += DeviceScales.roundings(own, powerOfTwo: powerOfTwo, floor: floor)
    var best: (integers: [Double], scales: [Double], error: Double)?
    for scales in candidates {
      var error = 0.0
      let integers = zip(groups.indices, row).map { group, value -> Double in
        let scale = scales[group]
        let q = min(
          max((value / scale).rounded(), Double(template.lowest)), Double(template.highest))
        error += (value - scale * q) * (value - scale * q)
        return q
      }
      if error < best?.error ?? .infinity { best = (integers, scales, error) }
    }
    return best.map { ($0.integers, $0.scales) }
      ?? ([Double](repeating: 0, count: row.count), candidates[0])
  }
}

extension QuantizedWeights {
  /// The same integers, each output channel's scales times its factor; as they are where the largest would
  /// fall below the channel's floor.
  ///
  /// - Returns: `nil` where a factor is 0 or not finite.
  func scaled(by factors: [Double], floors: [Double]) -> QuantizedWeights? {
    let old = quantization.scales
    guard !factors.isEmpty, old.count % factors.count == 0 else { return nil }
    let groups = old.count / factors.count
    var result = self
    var kept = [Float](repeating: 1, count: factors.count)
    for (channel, factor) in factors.enumerated() {
      guard factor.isFinite, factor != 0 else { return nil }
      let own = channel * groups..<(channel + 1) * groups
      let largest = old[own].reduce(0) { max($0, $1.magnitude) }
      guard (largest * factor).magnitude >= floors[channel] else { continue }
      for index in own { result.quantization.scales[index] *= factor }
      kept[channel] = Float(factor)
    }
    let shape = dequantized.shape
    let inner = shape.dimensions[((quantization.axis ?? 0) + 1)...].reduce(1, *)
    result.dequantized.withMutableElements(Float.self) { elements in
      for i in elements.indices { elements[i] *= kept[i / inner % kept.count] }
    }
    return result
  }
}

extension Quantization {
  /// The scale of each of `channels` output channels that its bias is at, without that of the input: the
  /// largest magnitude of its groups', or its own.
  func biasScales(channels: Int) -> [Double] {
    guard groupSize != nil, channels > 0, scales.count % channels == 0 else { return scales }
    let groups = scales.count / channels
    return stride(from: 0, to: scales.count, by: groups).map { first in
      scales[first..<first + groups].reduce(0) { max($0, $1.magnitude) }
    }
  }

  /// Largest magnitude of a bias: sums of products with factors of groups are as many times larger.
  var biasLimit: Double { groupSize == nil ? 0x1p30 : 0x1p23 }
}
