import UQSupport

/// A kind of chip that C is generated for.
public struct Target: Hashable, Sendable {
  /// Name as `--target` takes it.
  public let name: String
  /// One line for people.
  public let summary: String

  /// All targets; the C of this version is the same plain C99 for each of them.
  public static let all: [Target] = [
    Target(name: "generic", summary: "any C99 compiler"),
    Target(name: "host", summary: "this machine"),
    Target(name: "cortex-m0", summary: "Arm Cortex-M0, M0+"),
    Target(name: "cortex-m3", summary: "Arm Cortex-M3"),
    Target(name: "cortex-m4", summary: "Arm Cortex-M4"),
    Target(name: "cortex-m7", summary: "Arm Cortex-M7"),
    Target(name: "cortex-m33", summary: "Arm Cortex-M33"),
    Target(name: "cortex-m55", summary: "Arm Cortex-M55"),
    Target(name: "rv32imc", summary: "32-bit RISC-V"),
    Target(name: "avr", summary: "8-bit AVR"),
  ]

  /// The target with a name.
  ///
  /// - Throws: `target.name.unknown`.
  public static func named(_ name: String) throws(Diagnostic) -> Target {
    guard let found = all.first(where: { $0.name == name }) else {
      throw Diagnostic(
        id: "target.name.unknown",
        "there is no target '\(name)'; known are \(all.map(\.name).joined(separator: ", "))")
    }
    return found
  }
}
