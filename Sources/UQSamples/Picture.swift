import CMedia
import Foundation
import UQSupport

/// A decoded picture: rows of interleaved samples of 8 or 16 bits.
struct Picture: Equatable {
  var width: Int
  var height: Int
  /// 1 grey, 3 RGB, 4 RGBA.
  var channels: Int
  /// 255, or 65535 for a PNG of 16 bits.
  var maximum: Int
  /// `[height, width, channels]`.
  var samples: [UInt16]

  /// Pictures above this many pixels are refused.
  static let maximumPixels = 1 << 26

  /// Decodes a PNG or JPEG, told apart by their first bytes.
  ///
  /// - Throws: `samples.image.damaged`, `samples.image.unsupported`, `samples.image.too-large`.
  init(_ content: UnsafeRawBufferPointer, place: SourcePlace) throws(Diagnostic) {
    let isJPEG = content.starts(with: [0xFF, 0xD8])
    var header = cmedia_picture()
    var text = [CChar](repeating: 0, count: 200)
    let limit = UInt64(Self.maximumPixels)
    let start = content.baseAddress
    var code =
      isJPEG
      ? cmedia_jpeg_header(start, content.count, limit, &header, &text, text.count)
      : cmedia_png_header(start, content.count, limit, &header, &text, text.count)
    if code != 0 { throw mediaFailure("image", code, text, place) }
    width = Int(header.width)
    height = Int(header.height)
    channels = Int(header.channels)
    maximum = header.sample_bytes == 2 ? 65535 : 255
    let count = width * height * channels
    func decode(_ pixels: UnsafeMutableRawPointer?, _ size: Int) -> Int32 {
      isJPEG
        ? cmedia_jpeg_decode(start, content.count, &header, pixels, size, &text, text.count)
        : cmedia_png_decode(start, content.count, &header, pixels, size, &text, text.count)
    }
    if maximum == 255 {
      let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(count, 1))
      defer { bytes.deallocate() }
      code = decode(bytes.baseAddress, count)
      samples = Array(unsafeUninitializedCapacity: count) { to, filled in
        if code == 0 { for i in 0..<count { to[i] = UInt16(bytes[i]) } }
        filled = code == 0 ? count : 0
      }
    } else {
      samples = [UInt16](repeating: 0, count: count)
      code = samples.withUnsafeMutableBytes { decode($0.baseAddress, $0.count) }
    }
    if code != 0 { throw mediaFailure("image", code, text, place) }
  }

  init(width: Int, height: Int, channels: Int, maximum: Int, samples: [UInt16]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.maximum = maximum
    self.samples = samples
  }
}

/// The problem that a status of CMedia stands for: `samples.KIND.damaged` and its siblings.
func mediaFailure(_ kind: String, _ code: Int32, _ text: [CChar], _ place: SourcePlace)
  -> Diagnostic
{
  let problem =
    switch cmedia_status(rawValue: UInt32(code)) {
    case CMEDIA_UNSUPPORTED: "unsupported"
    case CMEDIA_TOO_LARGE: "too-large"
    case CMEDIA_NO_MEMORY: "no-memory"
    default: "damaged"
    }
  return Diagnostic(
    id: "samples.\(kind).\(problem)", "cannot decode: \(line(text))", at: place)
}
