import UQNumerics
import UQSupport

/// Named arrays as `relay.save_param_dict` writes them.
enum ParameterFile {
  static let magic: UInt64 = 0xF7E5_8D4F_0504_9CB7

  /// Reads a file; arrays are borrowed from the mapping where their alignment allows.
  ///
  /// - Throws: `relay.params.*`.
  static func read(path: String) throws(Diagnostic) -> [String: Tensor] {
    let file = try MappedFile(path: path, limit: 1 << 40, area: "relay")
    return try read(file.bytes, owner: file, path: path)
  }

  /// Reads bytes that `owner` keeps alive; of arrays with one name the last counts, as in TVM.
  ///
  /// - Throws: `relay.params.*`.
  static func read(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, path: String)
    throws(Diagnostic) -> [String: Tensor]
  {
    let place = SourcePlace(file: path)
    var reader = LittleEndianReader(bytes)
    guard reader.integer(UInt64.self) == magic, reader.integer(UInt64.self) != nil else {
      throw Diagnostic(
        id: "relay.params.magic", "is no parameter file of TVM (relay.save_param_dict)", at: place)
    }
    // Names and arrays take at least 8 and 48 bytes.
    guard let count = reader.integer(UInt64.self), count <= bytes.count / 56 + 1 else {
      throw Diagnostic(
        id: "relay.params.count", "claims more parameters than the file has room for", at: place)
    }
    var names: [String] = []
    for _ in 0..<count {
      guard let length = reader.integer(UInt64.self), length <= bytes.count,
        let text = reader.bytes(Int(length))
      else {
        throw Diagnostic(
          id: "relay.params.truncated", "ends within the names of the parameters", at: place)
      }
      names.append(String(decoding: text, as: UTF8.self))
    }
    guard let arrays = reader.integer(UInt64.self), arrays == count else {
      throw Diagnostic(
        id: "relay.params.count", "has \(count) names and another number of arrays", at: place)
    }
    var result: [String: Tensor] = [:]
    var offset = reader.offset
    for name in names {
      do throws(StoredArray.Problem) {
        let array = try StoredArray(bytes, at: offset, owner: owner)
        result[name] = array.tensor
        offset = array.end
      } catch {
        throw Diagnostic(
          id: "relay.params.array", "parameter '\(name)': the file \(error.message)", at: place)
      }
    }
    return result
  }
}
