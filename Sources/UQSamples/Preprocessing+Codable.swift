import Foundation

extension Preprocessing: Codable {
  /// Names of the fields as files spell them.
  enum Key: String, CodingKey, CaseIterable {
    case color, layout, resize, resample, crop, scale, mean, std
    case sampleRate = "sample_rate"
    case mono, length, normalise, normalize, features, window, step, columns
    case labelColumn = "label_column"
  }

  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Decodes the fields; a name that is unknown and a value out of range are errors.
  public init(from decoder: any Decoder) throws {
    let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    if let unknown = names.first(where: { Key(rawValue: $0) == nil }) {
      let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "unknown field '\(unknown)'; there are: \(known)"))
    }
    let fields = try decoder.container(keyedBy: Key.self)
    color = try fields.decodeIfPresent(Color.self, forKey: .color)
    layout = try fields.decodeIfPresent(LayoutName.self, forKey: .layout)?.layout
    resize = try fields.decodeIfPresent(Size.self, forKey: .resize)
    resample = try fields.decodeIfPresent(Resampling.self, forKey: .resample)
    crop = try fields.decodeIfPresent(Size.self, forKey: .crop)
    if case .shorterSide(let side)? = crop { crop = .exact(height: side, width: side) }
    scale = try fields.decodeIfPresent(OneOrMany.self, forKey: .scale)?.values
    mean = try fields.decodeIfPresent(OneOrMany.self, forKey: .mean)?.values
    std = try fields.decodeIfPresent(OneOrMany.self, forKey: .std)?.values
    sampleRate = try fields.positive(.sampleRate)
    mono = try fields.decodeIfPresent(Bool.self, forKey: .mono)
    length = try fields.positive(.length)
    normalise =
      try fields.decodeIfPresent(Normalization.self, forKey: .normalise)
      ?? fields.decodeIfPresent(Normalization.self, forKey: .normalize)
    features = try fields.decodeIfPresent(Features.self, forKey: .features)
    window = try fields.positive(.window)
    step = try fields.positive(.step)
    columns = try fields.decodeIfPresent([Column].self, forKey: .columns)
    labelColumn = try fields.decodeIfPresent(Column.self, forKey: .labelColumn)
    if std?.contains(where: { Float($0) == 0 }) == true {
      throw DecodingError.dataCorruptedError(
        forKey: .std, in: fields, debugDescription: "std is 0 and would divide by it")
    }
    if columns?.isEmpty == true {
      throw DecodingError.dataCorruptedError(
        forKey: .columns, in: fields, debugDescription: "columns is empty")
    }
  }

  /// Encodes the fields that are set.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encodeIfPresent(color, forKey: .color)
    try fields.encodeIfPresent(layout, forKey: .layout)
    try fields.encodeIfPresent(resize, forKey: .resize)
    try fields.encodeIfPresent(resample, forKey: .resample)
    try fields.encodeIfPresent(crop, forKey: .crop)
    try fields.encodeIfPresent(scale, forKey: .scale)
    try fields.encodeIfPresent(mean, forKey: .mean)
    try fields.encodeIfPresent(std, forKey: .std)
    try fields.encodeIfPresent(sampleRate, forKey: .sampleRate)
    try fields.encodeIfPresent(mono, forKey: .mono)
    try fields.encodeIfPresent(length, forKey: .length)
    try fields.encodeIfPresent(normalise, forKey: .normalise)
    try fields.encodeIfPresent(features, forKey: .features)
    try fields.encodeIfPresent(window, forKey: .window)
    try fields.encodeIfPresent(step, forKey: .step)
    try fields.encodeIfPresent(columns, forKey: .columns)
    try fields.encodeIfPresent(labelColumn, forKey: .labelColumn)
  }
}

extension KeyedDecodingContainer where Key == Preprocessing.Key {
  fileprivate func positive(_ key: Key) throws -> Int? {
    guard let value = try decodeIfPresent(Int.self, forKey: key) else { return nil }
    guard (1...Clip.maximumSamples).contains(value) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self,
        debugDescription: "\(key.rawValue) is \(value), not 1...\(Clip.maximumSamples)")
    }
    return value
  }
}

/// A layout under any of its names.
private enum LayoutName: String, Codable {
  case nhwc = "NHWC"
  case nchw = "NCHW"
  case nwc = "NWC"
  case ncw = "NCW"
  case last = "channels_last"
  case first = "channels_first"

  var layout: Preprocessing.Layout {
    switch self {
    case .nhwc, .nwc, .last: .channelsLast
    case .nchw, .ncw, .first: .channelsFirst
    }
  }
}

/// A number or a list of numbers, all finite.
private struct OneOrMany: Codable {
  var values: [Double]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let one = try? container.decode(Double.self) {
      values = [one]
    } else {
      values = try container.decode([Double].self)
    }
    guard !values.isEmpty, values.allSatisfy({ Float($0).isFinite }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a number or a list of finite numbers")
    }
  }
}

extension Preprocessing.Size: Codable {
  /// Decodes `[height, width]` or one number.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let list = try (try? container.decode(Int.self)).map { [$0] } ?? container.decode([Int].self)
    guard (1...2).contains(list.count), list.allSatisfy({ (1...16384).contains($0) }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected [height, width] or one number, 1...16384")
    }
    self = list.count == 1 ? .shorterSide(list[0]) : .exact(height: list[0], width: list[1])
  }

  /// Encodes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .exact(let height, let width): try container.encode([height, width])
    case .shorterSide(let side): try container.encode(side)
    }
  }

  /// Height and width for a picture of `height` by `width`.
  func resolved(height: Int, width: Int) -> (height: Int, width: Int) {
    switch self {
    case .exact(let height, let width): (height, width)
    case .shorterSide(let side) where height <= width: (side, max(1, side * width / height))
    case .shorterSide(let side): (max(1, side * height / width), side)
    }
  }
}

extension Preprocessing.Column: Codable {
  /// Decodes a name or a number from 0.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let index = try? container.decode(Int.self) {
      guard (0..<1 << 20).contains(index) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "no column has number \(index)")
      }
      self = .index(index)
    } else {
      self = .name(try container.decode(String.self))
    }
  }

  /// Encodes the name or the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .name(let name): try container.encode(name)
    case .index(let index): try container.encode(index)
    }
  }
}
