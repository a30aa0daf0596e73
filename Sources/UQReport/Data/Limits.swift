/// What a chip has for a network.
public struct Limits: Sendable, Hashable {
  /// Bytes of flash, for constants and code.
  public var flash: Int?
  /// Bytes of RAM, for the arena.
  public var ram: Int?
  /// Instructions of one inference.
  public var instructions: Int?

  /// Creates limits; `nil` limits nothing.
  public init(flash: Int? = nil, ram: Int? = nil, instructions: Int? = nil) {
    self.flash = flash
    self.ram = ram
    self.instructions = instructions
  }

  /// Whether nothing is limited.
  public var isEmpty: Bool { self == Limits() }

  /// What of a variant is above its limit: `flash 25,000 B of 24,576 B`; empty where it fits.
  ///
  /// Flash that was not measured counts without code, and instructions that were not counted keep any limit.
  public func excess(of variant: VariantReport) -> [String] {
    guard !variant.isFloat, variant.accuracy != nil else { return [] }
    var found: [String] = []
    if let flash, variant.flashBytes > flash {
      found.append("flash \(thousands(variant.flashBytes)) B of \(thousands(flash)) B")
    }
    if let ram, variant.ramBytes > ram {
      found.append("RAM \(thousands(variant.ramBytes)) B of \(thousands(ram)) B")
    }
    if let instructions, let count = variant.instructions, count > instructions {
      found.append("instructions \(thousands(count)) of \(thousands(instructions))")
    }
    return found
  }

  /// The limits in words: `24,576 B of flash and 20,480 B of RAM`.
  var text: String {
    let parts = [
      flash.map { "\(thousands($0)) B of flash" }, ram.map { "\(thousands($0)) B of RAM" },
      instructions.map { "\(thousands($0)) instructions" },
    ].compactMap(\.self)
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }
}
