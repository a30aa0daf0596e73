import Foundation

/// Places in the bytes of an ONNX file, as far as tests change them.
struct OnnxBytes {
  /// Name and bytes (`raw_data`) of every initializer.
  private(set) var initializers: [(name: String, bytes: Range<Int>)] = []
  private let data: [UInt8]

  init(_ data: Data) {
    self.data = Array(data)
    for graph in fields(0..<data.count) where graph.number == 7 {
      for tensor in fields(graph.bytes) where tensor.number == 5 {
        let parts = fields(tensor.bytes)
        guard let name = parts.first(where: { $0.number == 8 }),
          let raw = parts.first(where: { $0.number == 9 })
        else { continue }
        initializers.append((String(decoding: self.data[name.bytes], as: UTF8.self), raw.bytes))
      }
    }
  }

  /// The fields of a message that have a length.
  private func fields(_ range: Range<Int>) -> [(number: Int, bytes: Range<Int>)] {
    var result: [(number: Int, bytes: Range<Int>)] = []
    var at = range.lowerBound
    while at < range.upperBound {
      let key = varint(&at)
      switch key & 7 {
      case 0: _ = varint(&at)
      case 1: at += 8
      case 5: at += 4
      default:
        let count = varint(&at)
        result.append((key >> 3, at..<at + count))
        at += count
      }
    }
    return result
  }

  private func varint(_ at: inout Int) -> Int {
    var value = 0
    var shift = 0
    repeat {
      value |= Int(data[at] & 0x7F) << shift
      shift += 7
      at += 1
    } while data[at - 1] & 0x80 != 0
    return value
  }
}
