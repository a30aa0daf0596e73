import UQSupport

/// A layer as float, simulator and compiled C see it.
public struct DebuggedLayer: Sendable, Hashable {
  /// Name of the node.
  public var name: String
  /// Operator of the node.
  public var operatorName: String
  /// Bits of its weights; `nil` where it has none.
  public var bits: Int?
  /// Bytes of its packed weights.
  public var weightBytes: Int
  /// Signal to noise of its output in the simulator against float, in decibels.
  public var sqnr: Double?
  /// Signal to noise of the network's outputs where only this layer's weights are rounded.
  public var sensitivity: Double?
  /// Decibels that the network's outputs gain where only this layer's weights are not rounded.
  public var gain: Double?
  /// Bytes of its output that the compiled C computes otherwise than the simulator, in all samples; `nil`
  /// without an export.
  public var differingBytes: Int?

  /// Creates an entry from a report's.
  public init(_ layer: LayerReport) {
    name = layer.name
    operatorName = layer.operatorName
    bits = layer.bits
    weightBytes = layer.weightBytes
    sqnr = layer.sqnr
    sensitivity = layer.sensitivity
  }
}

/// What `uq debug` finds out.
public struct DebugReport: Sendable {
  /// Name of the model.
  public var model: String
  /// Bits of the weights.
  public var bits: String
  /// Number of samples.
  public var samples: Int
  /// The layers in order.
  public var layers: [DebuggedLayer]
  /// Signal to noise of the outputs in the simulator against float.
  public var outputSQNR: Double?
  /// Signal to noise of the outputs where weights are rounded and activations are not.
  public var weightsSQNR: Double?
  /// The export that was traced; `nil` without one.
  public var export: String?

  /// Creates a report.
  public init(model: String, bits: String, samples: Int, layers: [DebuggedLayer]) {
    self.model = model
    self.bits = bits
    self.samples = samples
    self.layers = layers
  }

  /// Position of the first layer that the compiled C computes otherwise than the simulator.
  public var firstDivergent: Int? { layers.firstIndex { $0.differingBytes ?? 0 > 0 } }

  /// Position of the layer, of those with fewer than 8 bits where there are some, whose rounding alone
  /// disturbs the outputs most.
  public var worst: Int? {
    let measured = layers.indices.filter { layers[$0].sensitivity != nil }
    let narrow = measured.filter { layers[$0].bits ?? 8 < 8 }
    let known = narrow.isEmpty ? measured : narrow
    return known.min { (layers[$0].sensitivity ?? 0) < (layers[$1].sensitivity ?? 0) }
  }

  /// Outputs this close to float need no advice, in decibels.
  private static let close = 30.0

  /// What could be tried, most promising first.
  public var advice: [String] {
    var result: [String] = []
    if let index = firstDivergent {
      result.append(
        "the compiled C diverges first at '\(layers[index].name)': export again, and if it stays, compare "
          + "the compiler's version and flags with those of uq verify")
    }
    if let index = worst, let bits = layers[index].bits, bits < 8,
      let sensitivity = layers[index].sensitivity, sensitivity < Self.close
    {
      let layer = layers[index]
      let growth = layer.weightBytes * 8 / bits - layer.weightBytes
      result.append(
        "'\(layer.name)' hurts most: its rounding alone leaves the outputs at \(tenths(sensitivity)) dB. Keep "
          + "it in 8 bits (--layer '\(layer.name):8', about \(thousands(growth)) bytes more)")
    }
    if let weightsSQNR, let outputSQNR, weightsSQNR - outputSQNR >= 6 {
      result.append(
        "most of the error comes from activations, not weights (\(tenths(weightsSQNR)) dB with rounded weights "
          + "alone, \(tenths(outputSQNR)) dB in all): try another --method, or calibrate with more varied "
          + "samples")
    } else if let outputSQNR, outputSQNR < 10 {
      result.append(
        "the outputs are far from float: the weights as a whole need more bits (--bits)")
    }
    if result.isEmpty { result.append("nothing stands out: the outputs follow float closely") }
    return result
  }

  /// The document of `uq debug --json`.
  public var json: JSONValue {
    [
      "model": .string(model), "bits": .string(bits), "samples": .integer(samples),
      "output_sqnr_db": number(outputSQNR), "weights_sqnr_db": number(weightsSQNR),
      "export": export.map { .string($0) } ?? .null,
      "first_divergent": firstDivergent.map { .string(layers[$0].name) } ?? .null,
      "worst": worst.map { .string(layers[$0].name) } ?? .null,
      "layers": .array(
        layers.map { layer in
          [
            "name": .string(layer.name), "operator": .string(layer.operatorName),
            "bits": layer.bits.map { .integer($0) } ?? .null,
            "weight_bytes": .integer(layer.weightBytes), "sqnr_db": number(layer.sqnr),
            "sensitivity_db": number(layer.sensitivity), "gain_db": number(layer.gain),
            "differing_bytes": layer.differingBytes.map { .integer($0) } ?? .null,
          ]
        }),
      "advice": .array(advice.map { .string($0) }),
    ]
  }

  private func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

  /// The table and what it means, for people.
  public var text: String {
    var header = ["layer", "bits", "SQNR", "alone", "gain"]
    if export != nil { header.append("C") }
    var rows = [header]
    for layer in layers {
      let decibels = { (value: Double?) in value.map { "\(tenths($0)) dB" } ?? "" }
      let sign = (layer.gain ?? 0) > 0 ? "+" : ""
      var row: [String] = [plain(layer.name)]
      row.append(layer.bits.map { "\($0)" } ?? "")
      row.append(decibels(layer.sqnr))
      row.append(decibels(layer.sensitivity))
      row.append(layer.gain == nil ? "" : sign + decibels(layer.gain))
      if export != nil {
        row.append(
          layer.differingBytes.map { $0 == 0 ? "same" : "\(thousands($0)) bytes differ" } ?? "")
      }
      rows.append(row)
    }
    var text = "\(plain(model)), \(bits) bits: \(samples) samples\n\n" + columns(rows)
    if let outputSQNR {
      text += "\noutputs: \(tenths(outputSQNR)) dB"
      if let weightsSQNR { text += ", \(tenths(weightsSQNR)) dB with rounded weights alone" }
      text += "\n"
    }
    if let export {
      text +=
        firstDivergent.map { "\(plain(export)): diverges first at '\(plain(layers[$0].name))'\n" }
        ?? "\(plain(export)): every byte behind every layer is the simulator's\n"
    }
    text += "\n" + advice.map { "- \(plain($0))" }.joined(separator: "\n") + "\n"
    return text
      + "\nSQNR: simulator against float, behind the layer; alone: the outputs, only this layer's weights "
      + "rounded\nto the nearest; gain: the outputs, if only this layer's weights were not rounded"
  }
}
