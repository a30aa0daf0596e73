import UQNumerics
import UQReport
import UQSupport

extension WidthChoices {
  /// The choices as a report shows them.
  var report: AllocationReport {
    AllocationReport(
      layers: layers.map { layer in
        AllocationReport.Layer(
          name: layer.name, bits: layer.bits, groupSize: layer.format.groupSize,
          loss: layer.loss, weightBytes: layer.weightBytes, savedBytes: layer.savedBytes,
          options: layer.options)
      }, loss: loss, gap: gap, weightBytes: weightBytes, flashBytes: flashBytes,
      measured: measured, exchanges: exchanges)
  }

  /// The manifest's `allocation`.
  var json: JSONValue {
    [
      "loss": .number(loss), "gap": .number(gap), "weight_bytes": .integer(weightBytes),
      "flash_bytes": .integer(flashBytes), "measured_loss": measured.map { .number($0) } ?? .null,
      "exchanges": .integer(exchanges),
      "layers": .array(
        layers.map { layer in
          let members: [JSONValue.Member] = [
            .init("name", .string(layer.name)), .init("bits", .integer(layer.bits)),
            .init("loss", .number(layer.loss)),
            .init("weight_bytes", .integer(layer.weightBytes)),
            .init("saved_bytes", .integer(layer.savedBytes)),
            .init("loss_per_kib", layer.exchangeRate.map { .number($0) } ?? .null),
          ]
          let size = layer.format.groupSize
          return .object(members + (size.map { [.init("group_size", .integer($0))] } ?? []))
        }),
    ]
  }

  /// A line for each layer: what it got, what that costs, what it saves.
  public var table: String {
    let rows =
      [["layer", "bits", "bytes", "saved", "loss", "loss/KiB"]]
      + layers.map { layer in
        [
          layer.name, "\(layer.format)", "\(layer.weightBytes)", "\(layer.savedBytes)",
          layer.options.count == 1 ? "given" : Self.short(layer.loss),
          layer.exchangeRate.map(Self.short) ?? "",
        ]
      }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      "  "
        + zip(row, widths).enumerated().map { index, cell in
          let padding = String(repeating: " ", count: cell.1 - cell.0.count)
          return index == 0 ? cell.0 + padding : padding + cell.0
        }.joined(separator: "  ")
    }
    let bound =
      gap > 1e-6
      ? "at most \(Self.short(100 * gap)) % above the least possible" : "the least possible"
    var text = lines.joined(separator: "\n") + "\n  sum of losses \(Self.short(loss)), \(bound)"
    if let measured { text += "\n  measured with all layers together \(Self.short(measured))" }
    if exchanges > 0 {
      text += ", less by \(exchanges) \(exchanges == 1 ? "exchange" : "exchanges") of bits"
    }
    return text
  }

  /// Three significant digits.
  static func short(_ value: Double) -> String {
    guard value > 0 else { return "0" }
    var scale = 1.0
    while value * scale < 100, scale < 1e12 { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}
