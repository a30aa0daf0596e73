import CMedia
import Foundation
import UQNumerics
import UQSupport

@testable import UQSamples

/// The bytes in fixtures.json, made by Pillow, NumPy and libsndfile.
let fixtures: [String: Data] = {
  let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  let data = try? Data(contentsOf: here.appendingPathComponent("fixtures.json"))
  let list = data.flatMap { try? JSONDecoder().decode([String: Data].self, from: $0) }
  return list ?? [:]
}()

func fixture(_ name: String) throws -> Data {
  guard let data = fixtures[name] else { throw CocoaError(.fileNoSuchFile) }
  return data
}

/// A folder that is deleted with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "uq-samples-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ data: Data) throws {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url)
  }

  func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

  func write(_ name: String, _ tensor: Tensor) throws { try write(name, NumPyFile.data(tensor)) }

  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: "\(path)/\(name)", withDestinationPath: target)
  }
}

/// A PNG of 8 bits with `pixels` in stored deflate blocks.
func png(width: Int, height: Int, channels: Int, _ pixels: [UInt8]) -> Data {
  var raw: [UInt8] = []
  for y in 0..<height {
    raw.append(0)
    raw += pixels[(y * width * channels)..<((y + 1) * width * channels)]
  }
  var (a, b): (UInt32, UInt32) = (1, 0)
  for byte in raw {
    a = (a + UInt32(byte)) % 65521
    b = (b + a) % 65521
  }
  let size = UInt16(raw.count)
  var packed: [UInt8] = [0x78, 1, 1]
  packed += [UInt8(size & 255), UInt8(size >> 8), UInt8(~size & 255), UInt8(~size >> 8)]
  packed += raw + big(b << 16 | a)
  let color: UInt8 = channels == 1 ? 0 : channels == 3 ? 2 : 6
  return Data([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10])
    + chunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [8, color, 0, 0, 0])
    + chunk("IDAT", packed) + chunk("IEND", [])
}

private func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

private func chunk(_ type: String, _ data: [UInt8]) -> Data {
  let body = Array(type.utf8) + data
  return Data(big(UInt32(data.count)) + body + big(cmedia_crc32(body, body.count)))
}

/// A WAV of 16-bit integers, interleaved.
func wav(rate: UInt32 = 16000, channels: UInt16 = 1, _ samples: [Int16]) -> Data {
  func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
  let size = UInt32(samples.count * 2)
  var data = Data("RIFF".utf8) + little(size + 36) + Data("WAVEfmt ".utf8) + little(UInt32(16))
  data += little(UInt16(1)) + little(channels) + little(rate)
  data += little(rate * UInt32(channels) * 2) + little(channels * 2) + little(UInt16(16))
  data += Data("data".utf8) + little(size)
  for sample in samples { data += little(sample) }
  return data
}

func picture(_ data: Data) throws(Diagnostic) -> Picture {
  let content = data.withUnsafeBytes { FileContent(copying: $0) }
  return try Picture(content.bytes, place: SourcePlace(file: "test"))
}

func clip(_ data: Data) throws(Diagnostic) -> Clip {
  let content = data.withUnsafeBytes { FileContent(copying: $0) }
  return try Clip(content.bytes, place: SourcePlace(file: "test"))
}

/// The ids of the problems that `body` ends with; empty where it succeeds.
func problems(_ body: () throws -> Void) -> [String] {
  do {
    try body()
    return []
  } catch { return diagnostics(of: error).map(\.id) }
}

/// The data sets beside the package, where there are any.
let sharedModels = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../../shared/models").standardizedFileURL.path
let hasSharedModels = FileManager.default.fileExists(atPath: sharedModels)

/// `data` with the checksum of each whole chunk made right.
func repairedPNG(_ data: Data) -> Data {
  var bytes = Array(data)
  var at = 8
  while at + 12 <= bytes.count {
    let length = bytes[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - at - 12 else { break }
    let body = Array(bytes[(at + 4)..<(at + 8 + length)])
    bytes.replaceSubrange(
      (at + 8 + length)..<(at + 12 + length), with: big(cmedia_crc32(body, body.count)))
    at += 12 + length
  }
  return Data(bytes)
}
