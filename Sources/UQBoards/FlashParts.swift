/// What an export takes of flash, by the files it comes from.
public struct FlashParts: Hashable, Sendable {
  /// Instructions of the model's own files.
  public var modelCode: Int
  /// Constants of the model's own files: weights, biases, scales, tables, kernel parameters.
  public var modelConstants: Int
  /// Instructions, constants and initial values of the runtime.
  public var runtime: Int

  /// Sums a linker map's sections by the kind of source each object was compiled from.
  ///
  /// - Throws: `verify.link.failed` where the map is missing.
  init(map: String, objects: [String], of export: Export) throws {
    let pairs = zip(export.sources, objects)
    let own = pairs.filter { source, _ in
      let name = source.split(separator: "/").last ?? ""
      return name == "\(export.prefix).c" || name.hasPrefix("\(export.prefix)_")
    }.map(\.1)
    let rest = pairs.map(\.1).filter { !own.contains($0) }
    let model = try Footprint(map: map, objects: own, arenaBytes: 0)
    modelCode = model.codeBytes
    modelConstants = model.constantBytes + model.initializedBytes
    runtime = try Footprint(map: map, objects: rest, arenaBytes: 0).flashBytes
  }
}
