import Foundation
import UQBoards
import UQKernels
import UQNumerics
import UQSupport

/// A kind of chip that C is generated for: a file of Calibration/targets.
public struct Target: Hashable, Sendable {
  /// Name as `--target` takes it.
  public let name: String
  /// One line for people.
  public let summary: String
  /// Widths of weights that are open.
  public let weightBits: [Int]
  /// Sizes of groups of input channels with scales of their own that are open.
  public let weightGroups: [Int]
  /// Widths of activations that are open.
  public let activationBits: [Int]
  /// Roundings that are open; a chip that can only shift has the one.
  public let roundings: [Rounding]
  /// Bytes that a constant array takes a multiple of.
  public let alignment: Int
  /// The emulated board that stands for it; `nil` where there is none.
  public let board: Board?
  /// Sizes of the runtime's code; `nil` where they were not measured.
  public private(set) var code: TargetCode?
  /// Costs of kernels in instructions; `nil` where they were not measured.
  public let instructions: TargetInstructions?

  /// All targets that come with the program, by name.
  public static let all: [Target] = TargetFiles.files.compactMap { file in
    try? Target(text: file.text, path: file.name)
  }

  /// The target with a name, or described by a `.json` file.
  ///
  /// - Throws: `target.name.unknown`, `target.file.malformed`.
  public static func named(_ name: String) throws(Diagnostic) -> Target {
    if let found = all.first(where: { $0.name == name }) { return found }
    if name.hasSuffix(".json"), let data = FileManager.default.contents(atPath: name),
      data.count <= 1 << 20
    {
      return try Target(text: String(decoding: data, as: UTF8.self), path: name)
    }
    throw Diagnostic(
      id: "target.name.unknown",
      "there is no target '\(name)'; known are \(all.map(\.name).joined(separator: ", "))")
  }

  /// Reads a description.
  ///
  /// - Throws: `target.file.malformed`.
  init(text: String, path: String) throws(Diagnostic) {
    func malformed(_ reason: String) -> Diagnostic {
      Diagnostic(id: "target.file.malformed", reason, at: SourcePlace(file: path))
    }
    let read: TargetDescription
    do { read = try JSONDecoder().decode(TargetDescription.self, from: Data(text.utf8)) } catch {
      throw malformed("is not a description of a target: \(Self.reason(error))")
    }
    let known = Set(WeightPacking.widths)
    guard !read.weightBits.isEmpty, read.weightBits.allSatisfy(known.contains) else {
      throw malformed("'weight_bits' are of 8, 4, 3, 2, 1, not \(read.weightBits)")
    }
    let groups = read.weightGroups ?? []
    guard groups.allSatisfy(WeightFormat.isGroupSize) else {
      throw malformed("'weight_groups' are multiples of 8 up to 4096, not \(groups)")
    }
    let activations = read.activationBits ?? [16, 8, 4]
    guard !activations.isEmpty, Set(activations).isSubset(of: [16, 8, 4]),
      activations.contains(8) || !activations.contains(4)
    else {
      throw malformed("'activation_bits' are of 16, 8 and, beside 8, 4, not \(activations)")
    }
    let names = read.roundings ?? ["single", "double", "shift"]
    let rules = names.compactMap(Rounding.init(rawValue:))
    guard !rules.isEmpty, rules.count == names.count else {
      throw malformed("'roundings' are of single, double and shift, not \(names)")
    }
    guard [1, 2, 4, 8, 16].contains(read.alignment ?? 4) else {
      throw malformed("'alignment' is 1, 2, 4, 8 or 16")
    }
    do { board = try read.board.map(Board.named) } catch { throw malformed(error.message) }
    let sizes =
      (read.code?.functions.values.map(\.bytes) ?? [])
      + (read.code.map { [$0.call, $0.argument, $0.base] } ?? [])
    let costs = read.instructions?.kernels.values.flatMap { [$0.mac, $0.output] } ?? []
    guard sizes.allSatisfy({ (0...1 << 24).contains($0) }),
      costs.allSatisfy({ (0...1e6).contains($0) })
    else { throw malformed("sizes or costs are negative or out of all measure") }
    name = read.name
    summary = read.summary
    weightBits = read.weightBits
    weightGroups = groups
    activationBits = activations
    roundings = rules
    alignment = read.alignment ?? 4
    code = read.code
    instructions = read.instructions
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return (path.isEmpty ? "" : "'\(path)': ") + context.debugDescription
    default: return "\(error)"
    }
  }

  static func instructionsUnknown(_ target: Target?) -> Diagnostic {
    let known = all.filter { $0.instructions != nil }.map(\.name).joined(separator: ", ")
    return Diagnostic(
      id: "target.instructions.unknown",
      "the instructions of kernels on '\(target?.name ?? "any")' were not measured; known are those of "
        + "\(known.isEmpty ? "no target" : known): choose one with --target")
  }

  /// The same with the sizes of a Cortex-M4's code where its own were not measured.
  var withCode: Target {
    var result = self
    if code == nil { result.code = Self.all.first { $0.name == "cortex-m4" }?.code }
    return result
  }

  /// The rounding where none is asked for.
  public var defaultRounding: Rounding { roundings.contains(.single) ? .single : roundings[0] }

  /// Refuses activations and roundings that the target's description closes.
  ///
  /// - Throws: `target.bits.closed`, `target.rounding.closed`.
  func check(activationBits bits: Int, _ rounding: Rounding) throws(Diagnostic) {
    if !activationBits.contains(bits) {
      throw Diagnostic(
        id: "target.bits.closed",
        "\(name) has no kernels for activations of \(bits) bits; it has "
          + activationBits.map(String.init).joined(separator: ", "))
    }
    if !roundings.contains(rounding) {
      throw Diagnostic(
        id: "target.rounding.closed",
        "\(name) does not round by '\(rounding.rawValue)'; open is "
          + roundings.map(\.rawValue).joined(separator: ", "))
    }
  }

  /// Refuses formats of weights that the target's description closes.
  ///
  /// - Throws: `target.bits.closed`, `target.groups.closed`.
  func check(_ formats: some Sequence<WeightFormat>) throws(Diagnostic) {
    for format in formats {
      guard weightBits.contains(format.bits) else {
        throw Diagnostic(
          id: "target.bits.closed",
          "\(name) has no kernels for \(format.bits) bits; it has "
            + weightBits.map(String.init).joined(separator: ", "))
      }
      try check(groupSize: format.groupSize)
    }
  }

  /// Refuses a size of groups of input channels that the target's description closes.
  ///
  /// - Throws: `target.groups.closed`.
  func check(groupSize: Int?) throws(Diagnostic) {
    guard let groupSize, !weightGroups.contains(groupSize) else { return }
    throw Diagnostic(
      id: "target.groups.closed",
      "\(name) does not open scales for groups of \(groupSize) input channels; it has "
        + (weightGroups.isEmpty ? "none" : weightGroups.map(String.init).joined(separator: ", ")))
  }
}

extension Export {
  /// The board of the target that the manifest names; a Cortex-M4's where it names none.
  ///
  /// - Throws: `board.name.unknown`.
  public func targetBoard() throws(Diagnostic) -> Board {
    let target = target.flatMap { try? Target.named($0) }
    if let board = target?.board { return board }
    return try Board.named("mps2-an386")
  }
}

/// Sizes of the runtime's code on a target, as its compiler makes them.
public struct TargetCode: Hashable, Sendable, Codable {
  /// A function of the runtime: its own bytes and what it calls.
  public struct Function: Hashable, Sendable, Codable {
    /// Bytes of code and constants, rounded up to the alignment.
    public var bytes: Int
    /// Functions of the runtime that it calls.
    public var calls: [String]
  }

  /// Version of the compiler and its flags.
  public var compiler: String
  /// Every function of the runtime.
  public var functions: [String: Function]
  /// Bytes that the model's own function takes in every model.
  public var base: Int
  /// Bytes of the model's own function for each kernel call.
  public var call: Int
  /// Bytes of the model's own function for each argument of a call.
  public var argument: Int

  /// The functions that a kernel brings in.
  public func closure(of symbol: String) -> Set<String> {
    var found: Set<String> = []
    var open = [symbol]
    while let next = open.popLast() {
      guard let function = functions[next], found.insert(next).inserted else { continue }
      open += function.calls
    }
    return found
  }
}

/// Instructions of kernels on a target, as its emulated board counts them.
public struct TargetInstructions: Hashable, Sendable, Codable {
  /// What a kernel takes, about: `mac` for each multiply-accumulate, `output` for each byte of output.
  public struct Kernel: Hashable, Sendable, Codable {
    /// Instructions for a multiply-accumulate.
    public var mac: Double
    /// Instructions for a byte of output.
    public var output: Double
  }

  /// The board.
  public var board: String
  /// Kernels by their C function.
  public var kernels: [String: Kernel]
}

/// The file's form.
private struct TargetDescription: Codable {
  var name: String
  var summary: String
  var weightBits: [Int]
  var weightGroups: [Int]?
  var activationBits: [Int]?
  var roundings: [String]?
  var alignment: Int?
  var board: String?
  var code: TargetCode?
  var instructions: TargetInstructions?

  private enum CodingKeys: String, CodingKey {
    case name, summary, roundings, alignment, board, code, instructions
    case weightBits = "weight_bits"
    case weightGroups = "weight_groups"
    case activationBits = "activation_bits"
  }
}
