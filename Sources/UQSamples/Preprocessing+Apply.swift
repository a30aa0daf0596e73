import UQNumerics
import UQSupport

extension Preprocessing {
  /// The input that a picture becomes: float32 `[height, width, channels]` or channels first.
  ///
  /// - Throws: `samples.image.too-small` where the crop exceeds the picture;
  ///   `samples.preprocess.channels`.
  func tensor(of picture: Picture, place: SourcePlace) throws(Diagnostic) -> Tensor {
    var image = picture.converted(to: color)
    if let size = resize?.resolved(height: image.height, width: image.width) {
      let (pixels, overflow) = size.height.multipliedReportingOverflow(by: size.width)
      guard !overflow, pixels <= Picture.maximumPixels else {
        throw Diagnostic(
          id: "samples.image.too-large",
          "resizing to \(size.height) x \(size.width) exceeds \(Picture.maximumPixels) pixels",
          at: place)
      }
      image = image.resized(height: size.height, width: size.width, by: resample ?? .bilinear)
    }
    if let size = crop?.resolved(height: image.height, width: image.width) {
      guard size.height <= image.height, size.width <= image.width else {
        throw Diagnostic(
          id: "samples.image.too-small",
          "the picture is \(image.height) x \(image.width), the crop \(size.height) x "
            + "\(size.width); set preprocess.resize", at: place)
      }
      image = image.cropped(height: size.height, width: size.width)
    }
    let unit: Float = image.maximum == 255 ? 1 : 257
    let real = image.samples.map { Float($0) / unit }
    return try finished(real, [image.height, image.width], image.channels, place)
  }

  /// The input that a clip becomes: float32 `[frames]`, with channels `[frames, channels]` or
  /// channels first.
  ///
  /// - Throws: `samples.audio.rate`, `samples.preprocess.channels`.
  func tensor(of clip: Clip, place: SourcePlace) throws(Diagnostic) -> Tensor {
    if let sampleRate, sampleRate != clip.sampleRate {
      throw Diagnostic(
        id: "samples.audio.rate",
        "the clip has \(clip.sampleRate) frames per second, preprocess.sample_rate is "
          + "\(sampleRate); resample the clips", at: place)
    }
    var sound = mono ?? true ? clip.mono() : clip
    if let length {
      let (values, overflow) = length.multipliedReportingOverflow(by: sound.channels)
      guard !overflow, values <= Clip.maximumSamples else {
        throw Diagnostic(
          id: "samples.audio.too-large",
          "\(length) frames of \(sound.channels) channels exceed \(Clip.maximumSamples) values",
          at: place)
      }
      sound = sound.fitted(to: length)
    }
    if normalise == .peak { sound = sound.peakNormalized() }
    let tensor = try finished(sound.samples, [sound.frames], sound.channels, place)
    return sound.channels == 1 ? tensor.reshaped([sound.frames]) : tensor
  }

  /// The input that rows of a series become: float32 `[rows, columns]` or channels first;
  /// `[columns]` for a window of one row.
  ///
  /// - Throws: `samples.csv.column`, `samples.preprocess.channels`.
  func tensor(of table: CSVTable, rows: Range<Int>, place: SourcePlace) throws(Diagnostic)
    -> Tensor
  {
    var used: [Int] = []
    if let columns {
      for column in columns { used.append(try table.index(of: column, place: place)) }
    } else {
      let label = try labelColumn.map { column throws(Diagnostic) in
        try table.index(of: column, place: place)
      }
      used = (0..<table.columnCount).filter { $0 != label }
    }
    guard !used.isEmpty else {
      throw Diagnostic(
        id: "samples.csv.column", "no column is left beside the label's", at: place)
    }
    var values: [Float] = []
    values.reserveCapacity(rows.count * used.count)
    table.values.withUnsafeBufferPointer { from in
      for row in rows {
        for column in used { values.append(from[row * table.columnCount + column]) }
      }
    }
    let tensor = try finished(values, [rows.count], used.count, place)
    return window == 1 ? tensor.reshaped([used.count]) : tensor
  }

  /// Normalises interleaved values and puts the channels where they belong.
  private func finished(
    _ values: [Float], _ extents: [Int], _ channels: Int, _ place: SourcePlace
  ) throws(Diagnostic) -> Tensor {
    func each(_ list: [Double]?, _ name: String, _ standard: Float) throws(Diagnostic) -> [Float] {
      let list = list?.map(Float.init) ?? [standard]
      if list.count == channels { return list }
      guard list.count == 1 || list.allSatisfy({ $0 == list[0] }) else {
        throw Diagnostic(
          id: "samples.preprocess.channels",
          "preprocess.\(name) has \(list.count) values, the sample \(channels) channels", at: place)
      }
      return [Float](repeating: list[0], count: channels)
    }
    let scales = try each(scale, "scale", 1)
    let means = try each(mean, "mean", 0)
    let deviations = try each(std, "std", 1)
    let positions = channels == 0 ? 0 : values.count / channels
    let isFirst = layout == .channelsFirst
    var tensor = Tensor(
      zeros: .float32, Shape(isFirst ? [channels] + extents : extents + [channels]))
    tensor.withMutableElements(Float.self) { to in
      values.withUnsafeBufferPointer { from in
        for c in 0..<channels {
          let (a, m, s) = (scales[c], means[c], deviations[c])
          var source = c
          var target = isFirst ? c * positions : c
          for _ in 0..<positions {
            to[target] = (from[source] * a - m) / s
            source += channels
            target += isFirst ? 1 : channels
          }
        }
      }
    }
    return tensor
  }
}
