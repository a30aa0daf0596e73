import UQGraph
import UQNumerics
import UQSupport

/// A way to a range: a method, and what its ends are multiplied by.
struct RangeRule: Hashable {
  var method: RangeMethod
  var factor = 1.0
}

/// The ranges of activations by several methods, each computed once.
struct RangeTable {
  let activations: ActivationQuantizer
  /// Those that ranges are known by.
  let methods: [RangeMethod]
  /// Values of 16 bits.
  let wide: Set<ValueID>
  private var ranges: [ValueID: [RangeMethod: ActivationRange]] = [:]

  /// Computes the ranges of `values`.
  ///
  /// - Throws: `quantize.statistics.*`.
  init(
    _ activations: ActivationQuantizer, _ values: [ValueID], methods: [RangeMethod],
    wide: Set<ValueID>
  ) throws {
    self.activations = activations
    self.methods = methods
    self.wide = wide
    let found = try parallelMap(
      count: values.count, threads: activations.options.threads, context: { () }
    ) { _, index in
      try methods.map { try activations.range(of: values[index], by: $0) }
    }
    for (id, found) in zip(values, found) {
      ranges[id] = Dictionary(uniqueKeysWithValues: zip(methods, found))
    }
  }

  /// The quantization that a rule gives a value; ends stay within what was seen.
  func quantization(of id: ValueID, by rule: RangeRule) -> Quantization? {
    guard var range = ranges[id]?[rule.method] else { return nil }
    if rule.factor != 1, let all = ranges[id]?[.minmax] {
      range =
        ActivationRange(
          low: max(all.low, rule.factor * range.low), high: min(all.high, rule.factor * range.high)
        ).rounded
    }
    return activations.quantization(for: range, of: id, wide: wide)
  }

  /// The quantizations that rules give.
  func quantizations(by rules: [ValueID: RangeRule]) -> [ValueID: Quantization] {
    var result: [ValueID: Quantization] = [:]
    for (id, rule) in rules { result[id] = quantization(of: id, by: rule) }
    return result
  }

  /// The table with the ranges of some values from another, made from other statistics.
  func replacing(_ values: [ValueID], from other: RangeTable) -> RangeTable {
    var result = self
    for id in values { if let found = other.ranges[id] { result.ranges[id] = found } }
    return result
  }
}
