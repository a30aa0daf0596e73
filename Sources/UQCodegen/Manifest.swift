import Foundation
import UQKernels
import UQNumerics
import UQSupport

extension GeneratedModel {
  /// `manifest.json`: sizes, quantization of inputs and outputs, memory map, layers, files.
  func manifest(_ files: [(name: String, data: Data)]) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(options.name)),
      .init("tool_version", .string(options.toolVersion)),
      .init("model_sha256", .string(options.modelDigest)),
      .init("target", .string(options.target)),
      .init("bits", Int(options.bits).map(JSONValue.integer) ?? .string(options.bits)),
      .init("rounding", .string(options.rounding.rawValue)),
      .init("abi", 1),
      .init("arena_bytes", .integer(plan.byteCount)),
      .init("arena_align", .integer(plan.alignment)),
      .init("arena_lower_bound", .integer(plan.lowerBound)),
    ]
    members.append(.init("weight_bytes", .integer(program.weightBytes)))
    for (role, name) in [
      (ProgramConstant.Role.bias, "bias"), (.scales, "scale"), (.table, "table"),
    ] {
      let bytes = program.constants.reduce(0) { $0 + ($1.role == role ? $1.bytes.count : 0) }
      members.append(.init("\(name)_bytes", .integer(bytes)))
    }
    members += [
      .init("macs", .integer(program.macs)),
      .init("inputs", .array(zip(program.inputs, inputFields).map(port))),
      .init("outputs", .array(zip(program.outputs, outputFields).map(port))),
      .init("layers", .array(program.calls.map(layer))),
      .init("memory_map", .array(memoryMap())),
      .init(
        "files",
        .array(
          files.map { file in
            [
              "name": .string(file.name), "bytes": .integer(file.data.count),
              "sha256": .string("\(Digest(of: file.data))"),
            ]
          })),
    ]
    return .object(members + options.manifest)
  }

  private func port(_ port: ProgramPort, _ field: String) -> JSONValue {
    let (scale, zeroPoint) = Self.quantization(port)
    return [
      "name": .string(port.name), "field": .string(field),
      "shape": .array(port.type.shape.dimensions.map { .integer($0) }),
      "type": .string(port.type.element.name), "scale": .number(scale),
      "zero_point": .integer(zeroPoint),
    ]
  }

  private func layer(_ call: KernelCall) -> JSONValue {
    let constants = call.kernel.constants.map { program[$0] }
    let weights = constants.filter { $0.role == .weights }
    let buffers = (call.kernel.reads + call.kernel.writes + call.kernel.scratch).filter {
      bufferNames[$0.index] != nil
    }
    let bytes = constants.reduce(0) { $0 + ($1.role.isWeights ? $1.bytes.count : 0) }
    var members: [JSONValue.Member] = [
      .init("name", .string(call.layer)), .init("operator", .string(call.operatorName)),
      .init("kernel", .string(call.kernel.symbol)),
      .init("bits", weights.map(\.bits).min().map(JSONValue.integer) ?? .null),
    ]
    if let size = call.kernel.groupSize { members.append(.init("group_size", .integer(size))) }
    return .object(
      members + [
        .init("weight_bytes", .integer(bytes)), .init("macs", .integer(call.macs)),
        .init("arena", .array(buffers.map { .string(bufferNames[$0.index] ?? "") })),
      ])
  }

  private func memoryMap() -> [JSONValue] {
    placedBuffers.map { item in
      let buffer = program.buffers[item.index]
      return [
        "name": .string(item.name), "value": .string(buffer.name),
        "kind": buffer.kind == .scratch ? "scratch" : "activation",
        "offset": .integer(item.offset), "bytes": .integer(buffer.byteCount),
        "first_call": .integer(item.span.lowerBound), "last_call": .integer(item.span.upperBound),
      ]
    }
  }
}
