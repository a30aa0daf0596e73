import UQSupport

extension ComparisonReport {
  /// The document of interface `uq compare --json`; `Schemas/report.schema.json` describes it.
  public var json: JSONValue {
    let recommendation = recommendation
    let frontier = Set(frontier)
    return [
      "format": .integer(Self.formatVersion), "tool_version": .string(toolVersion),
      "model": .string(model), "model_sha256": .string(modelDigest),
      "data_sha256": .string(dataDigest), "device": .string(device),
      "samples": .integer(samples), "metric": .string(metric.name),
      "metric_label": .string(metric.label), "higher_is_better": .bool(metric.isGain),
      "limits": [
        "flash": integer(limits.flash), "ram": integer(limits.ram),
        "instructions": integer(limits.instructions),
      ],
      "classes": .array(classes.map { .string($0) }),
      "recommendation": [
        "variant": recommendation.variant.map { .string($0) } ?? .null,
        "reason": .string(recommendation.reason), "rule": .string(Recommendation.rule),
      ],
      "variants": .array(
        variants.map {
          $0.json(
            verdict: verdict($0), excess: limits.excess(of: $0),
            isOnFrontier: frontier.contains($0.name),
            isRecommended: recommendation.variant == $0.name)
        }),
      "histograms": .array(histograms.map(\.json)),
      "changed_samples": .array(changedSamples.map(changedSample)),
      "notes": .array(
        notes.map { note in
          [
            "severity": .string(note.severity.rawValue), "id": .string(note.id),
            "message": .string(note.message),
            "file": note.place.file.map { .string($0) } ?? .null,
          ]
        }),
      "commands": .array(
        commands.map { command in
          [
            "purpose": .string(command.purpose), "command": .string(command.line),
            "variant": command.variant.map { .string($0) } ?? .null,
          ]
        }),
    ]
  }

  private func changedSample(_ sample: ChangedSample) -> JSONValue {
    let predictions = zip(variants, sample.predictions).compactMap { variant, prediction in
      prediction.map { JSONValue.Member(variant.name, .integer($0)) }
    }
    return [
      "index": .integer(sample.index), "file": .string(sample.name),
      "label": sample.label.map { .integer($0) } ?? .null, "predictions": .object(predictions),
      "preview": sample.preview?.json ?? .null,
    ]
  }
}

extension VariantReport {
  fileprivate func json(
    verdict: String?, excess: [String], isOnFrontier: Bool, isRecommended: Bool
  ) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("label", .string(label)), .init("bits", .number(bits)),
      .init("accuracy", number(accuracy)), .init("confidence", interval(confidence)),
      .init("agreement", number(agreement)), .init("p_value", number(pValue)),
      .init("verdict", verdict.map { .string($0) } ?? .null),
      .init("over_limits", .array(excess.map { .string($0) })),
      .init("output_sqnr_db", number(outputSQNR)),
      .init(
        "metrics",
        .array(
          metrics.map { metric in
            [
              "name": .string(metric.name), "value": .number(metric.value),
              "confidence": interval(metric.confidence),
            ]
          })),
      .init("on_frontier", .bool(isOnFrontier)), .init("recommended", .bool(isRecommended)),
      .init("weight_bytes", .integer(weightBytes)), .init("flash_bytes", .integer(flashBytes)),
      .init("flash_measured", .bool(isFlashMeasured)),
      .init("estimate", .bool(flash?.isEstimate ?? false)),
      .init("flash", flash?.json ?? .null), .init("ram_bytes", .integer(ramBytes)),
      .init("stack_bytes", integer(stackBytes)), .init("macs", .integer(macs)),
      .init("instructions", integer(instructions)), .init("changed", integer(changed)),
      .init(
        "confusion",
        confusion.map { .array($0.map { .array($0.map { .integer($0) }) }) } ?? .null),
      .init("layers", .array(layers.map(\.json))), .init("arena", arena?.json ?? .null),
      .init("allocation", allocation?.json ?? .null),
      .init("model", model.map { .string($0) } ?? .null),
    ]
    if let problem { members.append(.init("problem", .string(problem))) }
    return .object(members)
  }
}

extension FlashUse {
  fileprivate var json: JSONValue {
    [
      "weights": .integer(weights), "tables": .integer(tables),
      "kernel_code": integer(kernelCode), "glue": integer(glue),
      "core": core.map { .string($0) } ?? .null, "estimate": .bool(isEstimate),
    ]
  }
}

extension ArenaUse {
  fileprivate var json: JSONValue {
    [
      "steps": .array(steps.map { .string($0) }),
      "buffers": .array(
        buffers.map { buffer in
          [
            "name": .string(buffer.name), "kind": buffer.isScratch ? "scratch" : "activation",
            "offset": .integer(buffer.offset), "bytes": .integer(buffer.bytes),
            "first_step": .integer(buffer.first), "last_step": .integer(buffer.last),
          ]
        }),
    ]
  }
}

extension LayerReport {
  fileprivate var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("operator", .string(operatorName)),
      .init("bits", integer(bits)), .init("sqnr_db", number(sqnr)),
      .init("sensitivity_db", number(sensitivity)), .init("weight_bytes", .integer(weightBytes)),
      .init("macs", .integer(macs)), .init("instructions", integer(instructions)),
      .init("weight_range", range(weightRange)),
      .init("activation_range", range(activationRange)),
    ]
    if let activationBits { members.append(.init("activation_bits", .integer(activationBits))) }
    if let groupSize { members.append(.init("group_size", .integer(groupSize))) }
    return .object(members)
  }
}

extension AllocationReport {
  /// The manifest's `allocation`, and what else could be chosen.
  public var json: JSONValue {
    [
      "loss": .number(loss), "gap": .number(gap), "weight_bytes": .integer(weightBytes),
      "flash_bytes": .integer(flashBytes), "measured_loss": measured.map { .number($0) } ?? .null,
      "exchanges": integer(exchanges), "layers": .array(layers.map(\.json)),
    ]
  }
}

extension AllocationReport.Layer {
  fileprivate var json: JSONValue {
    let members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("bits", .integer(bits)), .init("loss", .number(loss)),
      .init("weight_bytes", .integer(weightBytes)), .init("saved_bytes", .integer(savedBytes)),
      .init("loss_per_kib", number(exchangeRate)),
      .init("options", .array((options ?? []).map(\.json))),
    ]
    return .object(
      members + (groupSize.map { [.init("group_size", .integer($0))] } ?? []))
  }
}

extension AllocationReport.Option {
  fileprivate var json: JSONValue {
    let members: [JSONValue.Member] = [
      .init("bits", .integer(bits)), .init("loss", .number(loss)),
      .init("weight_bytes", .integer(weightBytes)),
    ]
    return .object(
      members + (groupSize.map { [.init("group_size", .integer($0))] } ?? []))
  }
}

extension LayerHistograms {
  fileprivate var json: JSONValue {
    func histogram(_ histogram: Histogram?) -> JSONValue {
      guard let histogram else { return .null }
      return [
        "low": .number(histogram.low), "high": .number(histogram.high),
        "counts": .array(histogram.counts.map { .integer($0) }),
      ]
    }
    return [
      "name": .string(name), "operator": .string(operatorName), "weights": histogram(weights),
      "activations": histogram(activations),
    ]
  }
}

extension SamplePreview {
  fileprivate var json: JSONValue {
    switch self {
    case .picture(let uri, let width, let height):
      [
        "kind": "picture", "uri": .string(uri), "width": .integer(width),
        "height": .integer(height),
      ]
    case .waveform(let paths, let width, let height):
      [
        "kind": "waveform", "paths": .array(paths.map { .string($0) }), "width": .integer(width),
        "height": .integer(height),
      ]
    }
  }
}

private func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
private func integer(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
private func interval(_ value: ConfidenceInterval?) -> JSONValue {
  value.map { .array([.number($0.low), .number($0.high)]) } ?? .null
}
private func range(_ value: ValueRange?) -> JSONValue {
  value.map { .array([.number($0.low), .number($0.high)]) } ?? .null
}
