import UQSupport

extension ActivationChoices {
  /// The manifest's `activations`.
  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init(
        "layers",
        .array(
          layers.map { layer in
            [
              "name": .string(layer.name), "bits": .integer(layer.bits),
              "bytes": .integer(layer.bytes),
              "loss": layer.loss.map { .number($0) } ?? .null, "given": .bool(layer.isGiven),
              "obstacle": layer.obstacle.map { .string($0) } ?? .null,
            ]
          }))
    ]
    if let searched {
      members += [
        .init("ram", .integer(searched.ram)),
        .init("arena_bytes_before", .integer(searched.arenaOf8)),
      ]
    }
    return .object(members)
  }

  /// How many have 4 bits, which, and why others cannot.
  public var table: String? {
    guard isNarrow else { return nil }
    var text = "  activations  \(layers.count { $0.bits == 4 }) of \(layers.count) in 4 bits"
    if let searched, searched.arenaOf8 > searched.ram {
      text += ", since the arena would take \(searched.arenaOf8) bytes without"
    }
    for layer in layers where layer.bits == 4 || layer.obstacle != nil {
      let why =
        layer.obstacle
        ?? (layer.isGiven ? "given" : layer.loss.map { "loss \(WidthChoices.short($0))" })
      let bytes = layer.bits == 4 ? ", \(layer.bytes) bytes at 8" : ""
      text += "\n    \(layer.name)  \(layer.bits) bits\(bytes)" + (why.map { "  \($0)" } ?? "")
    }
    return text
  }
}
