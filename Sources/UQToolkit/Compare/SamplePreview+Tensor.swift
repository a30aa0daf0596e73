import Foundation
import UQNumerics
import UQReport

extension SamplePreview {
  /// Longest side of a picture.
  private static let side = 64
  /// Points of a waveform, and its box.
  private static let points = 160
  private static let box = (width: 160, height: 48)
  /// Most channels that are drawn.
  private static let mostChannels = 6

  /// A picture for what has the shape of one, else a waveform for each channel, of a model's input.
  ///
  /// - Parameter tensor: `[1, c, h, w]` or `[1, h, w, c]` with 1 or 3 channels is a picture; what has one
  ///   long axis, alone or with one of channels, is a series.
  init?(_ tensor: Tensor) {
    let values = tensor.floats
    let extents = tensor.shape.dimensions.drop { $0 == 1 }
    guard values.count > 1, values.allSatisfy(\.isFinite) else { return nil }
    if let picture = SamplePreview.picture(tensor.shape.dimensions, values) {
      self = picture
      return
    }
    switch extents.count {
    case 1:
      self = SamplePreview.waveform([values])
    case 2:
      let (rows, columns) = (extents.first ?? 1, extents.last ?? 1)
      let isChannelFirst = rows <= columns
      let (channels, length) = isChannelFirst ? (rows, columns) : (columns, rows)
      guard length > 1 else { return nil }
      let series = (0..<min(channels, SamplePreview.mostChannels)).map { channel in
        (0..<length).map {
          values[isChannelFirst ? channel * length + $0 : $0 * channels + channel]
        }
      }
      self = SamplePreview.waveform(series)
    default: return nil
    }
  }

  private static func picture(_ shape: [Int], _ values: [Float]) -> SamplePreview? {
    var extents = shape
    if extents.count == 4, extents[0] == 1 { extents.removeFirst() }
    guard extents.count == 3, (extents.max() ?? 0) > 1 else { return nil }
    let isFirst = [1, 3].contains(extents[0]) && ![1, 3].contains(extents[2])
    guard isFirst || [1, 3].contains(extents[2]) else { return nil }
    let channels = isFirst ? extents[0] : extents[2]
    let (height, width) = isFirst ? (extents[1], extents[2]) : (extents[0], extents[1])
    guard height > 1, width > 1 else { return nil }
    let (least, most) = (values.min() ?? 0, values.max() ?? 0)
    let isByte = least >= 0 && most > 1.5 && most <= 255
    let isUnit = least >= 0 && most <= 1
    let (zero, one): (Float, Float) = isByte ? (0, 255) : isUnit ? (0, 1) : (least, most)
    let step = max(1, (max(height, width) + side - 1) / side)
    let (rows, columns) = (height / step, width / step)
    guard rows > 0, columns > 0 else { return nil }
    var pixels: [UInt8] = []
    for row in 0..<rows {
      for column in 0..<columns {
        for channel in 0..<channels {
          var sum: Float = 0
          for y in row * step..<(row + 1) * step {
            for x in column * step..<(column + 1) * step {
              sum +=
                values[
                  isFirst
                    ? (channel * height + y) * width + x : (y * width + x) * channels + channel]
            }
          }
          let mean = sum / Float(step * step)
          let level = one > zero ? (mean - zero) / (one - zero) * 255 : 0
          pixels.append(UInt8(min(255, max(0, level.rounded()))))
        }
      }
    }
    let png = PNGFile.data(pixels, width: columns, height: rows, channels: channels)
    return .picture(
      uri: "data:image/png;base64,\(png.base64EncodedString())", width: columns, height: rows)
  }

  private static func waveform(_ series: [[Float]]) -> SamplePreview {
    let height = box.height / max(1, series.count)
    let paths = series.enumerated().map { index, values -> String in
      let (least, most) = (values.min() ?? 0, values.max() ?? 0)
      let count = min(points, values.count)
      return (0..<count).map { point -> String in
        // Of each stretch the sample in its middle; both ends are kept.
        let position = count > 1 ? point * (values.count - 1) / (count - 1) : 0
        let level = most > least ? (values[position] - least) / (most - least) : 0.5
        let x = count > 1 ? point * box.width * 10 / (count - 1) : 0
        let y = Int((Float(height * 10 - 20) * (1 - level)).rounded()) + 10 + index * height * 10
        return "\(point == 0 ? "M" : "L")\(x / 10).\(x % 10) \(y / 10).\(y % 10)"
      }.joined()
    }
    return .waveform(paths: paths, width: box.width, height: box.height)
  }
}
