import UQKernels
import UQSupport

/// What the generated files say and check besides the program itself.
public struct CodegenOptions: Sendable {
  /// Name of the model in file names and symbols: `uq_NAME_run`.
  public var name: String
  /// Version of the tool.
  public var toolVersion: String
  /// SHA-256 of the model's file, 64 hexadecimal digits.
  public var modelDigest: String
  /// The target that the export is for.
  public var target: String
  /// Bits of the weights as asked for: `8`, `4`, `mixed`.
  public var bits: String
  /// How accumulators are brought to the output's scale.
  public var rounding: Rounding
  /// Inputs and the outputs that belong to them, for the self-test.
  public var goldens: [GoldenVector]
  /// Further members of the manifest, after the generator's own.
  public var manifest: [JSONValue.Member]

  /// Creates options.
  public init(
    name: String, toolVersion: String, modelDigest: String, target: String = "generic",
    bits: String = "8", rounding: Rounding = .single, goldens: [GoldenVector] = [],
    manifest: [JSONValue.Member] = []
  ) {
    self.name = name
    self.toolVersion = toolVersion
    self.modelDigest = modelDigest
    self.target = target
    self.bits = bits
    self.rounding = rounding
    self.goldens = goldens
    self.manifest = manifest
  }

  /// Whether a model may have that name: a lower-case letter or underscore, then those and digits, at
  /// most 32.
  public static func isValidName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 32 else { return false }
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let underscore = UInt8(ascii: "_")
    return (letters.contains(first) || first == underscore)
      && name.utf8.allSatisfy {
        letters.contains($0) || digits.contains($0) || $0 == underscore
      }
  }
}

/// An inference whose result is known.
public struct GoldenVector: Sendable, Hashable {
  /// Little-endian bytes of each input.
  public var inputs: [[UInt8]]
  /// Little-endian bytes of each output.
  public var outputs: [[UInt8]]

  /// Creates a vector.
  public init(inputs: [[UInt8]], outputs: [[UInt8]]) {
    self.inputs = inputs
    self.outputs = outputs
  }
}
