extension HTMLReport {
  /// The arena over time, and the commands that make the report again.
  var memorySection: Section? {
    guard let variant = recommended ?? report.integers.first, let arena = variant.arena,
      !arena.steps.isEmpty, !arena.buffers.isEmpty
    else { return nil }
    let live = arena.steps.indices.map { step in
      arena.buffers.reduce(0) { $0 + ($1.first <= step && step <= $1.last ? $1.bytes : 0) }
    }
    let peak = live.indices.max { live[$0] < live[$1] } ?? 0
    let rows = arena.buffers.map { buffer -> [Markup] in
      [
        foreign(buffer.name), buffer.isScratch ? "scratch" : "activation", datum(buffer.offset),
        datum(buffer.bytes), datum(buffer.first), datum(buffer.last),
      ]
    }
    let steps = arena.steps.enumerated().map { step, layer -> [Markup] in
      [datum(step), foreign(layer), .text(thousands(live[step]))]
    }
    return Section(
      anchor: "memory", title: "Memory over time",
      content: [
        tag(
          "p", [:], "Each box is a buffer of ", foreign(variant.label),
          .text(
            "’s arena: from left to right the steps in which it is needed, its height its bytes. Step "
          ),
          .text("\(peak) ("), foreign(arena.steps[peak]),
          .text(") needs most, and so decides the arena’s "), datum(variant.ramBytes), " bytes."),
        plot(
          "memory-plot", title: "Arena over time",
          description:
            "\(arena.buffers.count) buffers in \(thousands(variant.ramBytes)) bytes over "
            + "\(arena.steps.count) steps; most are needed in step \(peak), \(arena.steps[peak]).",
          table: .group([
            table(
              "Buffers of the arena",
              header: ["value", "kind", "offset", "bytes", "first step", "last step"], rows: rows),
            table("Steps", header: ["step", "layer", "bytes in use"], rows: steps),
          ]), draw: MemoryChart(arena: arena, byteCount: variant.ramBytes).drawing),
      ])
  }

  /// How to make it again.
  var commandSection: Section? {
    let leading = report.leadingCommands
    guard !leading.isEmpty else { return nil }
    let others = report.commands.filter { !leading.contains($0) }
    var content: [Markup] = [
      tag("p", [:], "In the folder in which this report was made:")
    ]
    content += leading.map(block)
    if !others.isEmpty {
      content.append(
        tag(
          "details", [:], of: [tag("summary", [:], "The other variants")] + others.map(block)))
    }
    return Section(anchor: "commands", title: "How to make this again", content: content)
  }

  private func block(_ command: ReportCommand) -> Markup {
    tag(
      "div", ["class": "command"], tag("p", [:], .text(command.purpose + ":")),
      tag(
        "pre", ["tabindex": "0", "role": "region", "aria-label": command.purpose],
        tag("code", [:], .text(command.line))))
  }
}
