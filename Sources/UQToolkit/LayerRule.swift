import UQGraph
import UQNumerics
import UQQuantizer
import UQSupport

/// Widths for the layers of a name or pattern.
public struct LayerRule: Hashable, Sendable {
  /// Name of a layer, or a pattern with `*` (any text) and `?` (any character); `@first` and `@last` are the
  /// first and last layer with weights.
  public var pattern: String
  /// Bits of the weights; `nil` leaves them as they are.
  public var bits: Int?
  /// Input channels that share a scale, 0 for one scale for an output channel; `nil` is what the network has.
  public var groupSize: Int?
  /// Bits of the layer's output, 8 or 4; `nil` leaves them as they are.
  public var activationBits: Int?
  /// Where the rule stands.
  public var place: SourcePlace
  /// Whether a pattern may match nothing.
  public var isOptional: Bool

  /// Creates a rule.
  public init(
    _ pattern: String, bits: Int? = nil, groupSize: Int? = nil, activationBits: Int? = nil,
    place: SourcePlace = SourcePlace(), isOptional: Bool = false
  ) {
    self.pattern = pattern
    self.bits = bits
    self.groupSize = groupSize
    self.activationBits = activationBits
    self.place = place
    self.isOptional = isOptional
  }

  /// The rule that `PATTERN:BITS` says.
  ///
  /// - Throws: `layer.rule.malformed`.
  public init(flag: String) throws(Diagnostic) {
    guard let colon = flag.lastIndex(of: ":"), colon != flag.startIndex,
      let widths = Self.widths(flag[flag.index(after: colon)...])
    else {
      throw Diagnostic(
        id: "layer.rule.malformed",
        "--layer '\(flag)' is not NAME:BITS with 8, 4, 3, 2 or 1 bits, such as 'conv1:8', of 4, 3 and 2 bits "
          + "with a scale for so many input channels, a multiple of 8, such as 'conv1:4g32', or "
          + "NAME:wBITSaBITS with 8 or 4 bits of its output, such as 'conv1:a4', 'conv1:w8a4'")
    }
    self.init(
      String(flag[..<colon]), bits: widths.bits, groupSize: widths.groupSize,
      activationBits: widths.activationBits)
  }

  /// What `8`, `w8`, `4g32`, `w4g32`, `a4`, `w8a4`, `w4g32a8` say; `nil` for anything else.
  ///
  /// `g0` is one scale for an output channel, whatever the network has.
  static func widths(_ text: some StringProtocol)
    -> (bits: Int?, groupSize: Int?, activationBits: Int?)?
  {
    let parts = text.split(separator: "a", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first else { return nil }
    var result: (bits: Int?, groupSize: Int?, activationBits: Int?) = (nil, nil, nil)
    if !first.isEmpty {
      let isSingle = first.hasSuffix("g0")
      guard let format = WeightFormat(isSingle ? first.dropLast(2) : first[...]),
        parts.count == 1 || first.hasPrefix("w"), !isSingle || format.groupSize == nil
      else { return nil }
      result.bits = format.bits
      result.groupSize = isSingle ? 0 : format.groupSize
    }
    if parts.count > 1 {
      guard let bits = ["8": 8, "4": 4][String(parts[1])] else { return nil }
      result.activationBits = bits
    }
    return result.bits == nil && result.activationBits == nil ? nil : result
  }

  /// `w8a4`: what the rule says, as ``init(flag:)`` reads it.
  var widthText: String {
    let weights = bits.map { "\($0)" + (groupSize.map { "g\($0)" } ?? "") }
    return (weights.map { activationBits == nil ? $0 : "w\($0)" } ?? "")
      + (activationBits.map { "a\($0)" } ?? "")
  }

  /// Whether the rule may cover several layers.
  var isPattern: Bool { pattern.contains("*") || pattern.contains("?") }

  /// The layers that the rule is about.
  func matches(among names: [String]) -> [String] {
    if names.contains(pattern) { return [pattern] }
    switch pattern {
    case "@first": return Array(names.prefix(1))
    case "@last": return Array(names.suffix(1))
    default: return isPattern ? names.filter { Self.match(Array(pattern), Array($0)) } : []
    }
  }

  /// The format of the weights of each layer that some rule is about; of several rules the last counts.
  ///
  /// - Parameter groupSize: of rules that say nothing of it; `nil` is one scale for an output channel.
  /// - Throws: `layer.name.unknown`, with the names that are close, for every rule without a layer.
  public static func resolve(_ rules: [LayerRule], names: [String], groupSize: Int? = nil)
    throws(Diagnostics) -> [String: WeightFormat]
  {
    var result: [String: WeightFormat] = [:]
    var problems: [Diagnostic] = []
    for rule in rules {
      guard let bits = rule.bits else { continue }
      let found = rule.matches(among: names)
      let size = rule.groupSize ?? groupSize ?? 0
      let format = WeightFormat(bits: bits, groupSize: size > 0 ? size : nil)
      for name in found { result[name] = format }
      if found.isEmpty, !(rule.isOptional && rule.isPattern) {
        let close = closest(to: rule.pattern, among: names)
        problems.append(
          Diagnostic(
            id: "layer.name.unknown",
            "no layer with weights is called '\(rule.pattern)'; close are \(close.joined(separator: ", "))",
            at: rule.place))
      }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return result
  }

  /// Refuses groups of a layer that is named and cannot have them; patterns pass over such layers.
  ///
  /// - Throws: `layer.groups.closed`, for every such rule.
  static func checkGroups(_ rules: [LayerRule], names: [String], _ quantizer: Quantizer)
    throws(Diagnostics)
  {
    var problems: [Diagnostic] = []
    for rule in rules where !rule.isPattern {
      guard let bits = rule.bits, let size = rule.groupSize, size > 0 else { continue }
      let format = WeightFormat(bits: bits, groupSize: size)
      for name in rule.matches(among: names) {
        guard let obstacle = quantizer.obstacle(to: format, ofLayer: name) else { continue }
        problems.append(
          Diagnostic(
            id: "layer.groups.closed",
            "the weights of '\(name)' cannot be \(format): \(obstacle)", at: rule.place))
      }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// Whether a pattern with `*` and `?` covers a text.
  ///
  /// - Complexity: O(pattern · text).
  static func match(_ pattern: [Character], _ text: [Character]) -> Bool {
    var (p, t) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        p = last.pattern + 1
        t = last.text + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }

  /// Up to five names by distance of edits, those that contain the text first.
  static func closest(to text: String, among names: [String]) -> [String] {
    let wanted = Array(text.lowercased().prefix(64))
    let ranked = names.prefix(2000).enumerated().map { index, name in
      let other = Array(name.lowercased().prefix(64))
      let contains = name.lowercased().contains(text.lowercased())
      return (contains ? 0 : editDistance(wanted, other), index, name)
    }
    return ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(5).map(\.2)
  }

  private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal : min(diagonal, above, row[j]) + 1
        diagonal = above
      }
    }
    return row[b.count]
  }
}

extension Graph {
  /// Bits that layers' weights were trained for, by name, of those on grids of few levels.
  ///
  /// - Complexity: O(weights).
  var trainedBits: [String: Int] {
    Dictionary(
      weightedLayers.compactMap { layer in
        trainedBits(of: nodes[layer.position]).map { (layer.name, $0) }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Names of the nodes with float weights that the quantizer rounds, in order, and the operand they are.
  var weightedLayers: [(position: Int, name: String, slot: Int, axis: Int)] {
    nodes.enumerated().compactMap { position, node in
      for (slot, operand) in node.spec.operands.enumerated() where slot < node.operands.count {
        if case .weight(let axis) = operand.role,
          constant(node.operands[slot])?.element == .float32
        {
          return (position, node.name, slot, axis)
        }
      }
      return nil
    }
  }
}
