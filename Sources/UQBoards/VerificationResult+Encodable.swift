import UQSupport

extension VerificationResult: Encodable {
  private enum CodingKeys: String, CodingKey { case outputs, mismatches, builds }

  /// Encodes `{"outputs", "mismatches", "builds"}`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(outputs, forKey: .outputs)
    try container.encode(mismatches, forKey: .mismatches)
    try container.encode(builds, forKey: .builds)
  }
}

extension BuildVerification: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name, samples, outputs, mismatches, instructions, problems
    case firstMismatch = "first_mismatch"
    case mostInstructions = "most_instructions"
    case stackBytes = "stack_bytes"
  }

  /// Encodes what is known; problems as lines.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(samples, forKey: .samples)
    try container.encode(compared, forKey: .outputs)
    try container.encode(mismatches, forKey: .mismatches)
    try container.encodeIfPresent(firstMismatch, forKey: .firstMismatch)
    try container.encodeIfPresent(instructions, forKey: .instructions)
    try container.encodeIfPresent(mostInstructions, forKey: .mostInstructions)
    try container.encodeIfPresent(stackBytes, forKey: .stackBytes)
    try container.encode(problems.map(\.description), forKey: .problems)
  }
}
