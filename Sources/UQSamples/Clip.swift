import CMedia
import Foundation
import UQSupport

/// A decoded sound clip.
struct Clip: Equatable {
  /// `[frames, channels]`; integers of the file scaled to [−1, 1).
  var samples: [Float]
  var channels: Int
  /// Frames per second.
  var sampleRate: Int

  var frames: Int { samples.count / channels }

  /// Clips above this many values are refused (an hour and a half of stereo at 48 kHz).
  static let maximumSamples = 1 << 29

  /// Decodes a WAV or FLAC file.
  ///
  /// - Throws: `samples.audio.damaged`, `samples.audio.unsupported`, `samples.audio.too-large`.
  init(_ content: UnsafeRawBufferPointer, place: SourcePlace) throws(Diagnostic) {
    var clip = cmedia_clip()
    var text = [CChar](repeating: 0, count: 200)
    // FLAC can say "65535 times the same" in a dozen bytes; encoders come nowhere near 1024 : 1.
    let limit = min(Self.maximumSamples, content.count * 1024 + 1 << 20)
    let code = cmedia_audio_decode(
      content.baseAddress, content.count, UInt64(limit), &clip, &text, text.count)
    if code != 0 { throw mediaFailure("audio", code, text, place) }
    defer { cmedia_clip_free(&clip) }
    channels = Int(clip.channels)
    sampleRate = Int(clip.sample_rate)
    samples = Array(
      UnsafeBufferPointer(start: clip.samples, count: Int(clip.frames) * channels))
  }

  /// The mean of the channels.
  func mono() -> Clip {
    if channels == 1 { return self }
    var result = self
    result.samples = samples.withUnsafeBufferPointer { from in
      (0..<frames).map { frame in
        var sum: Float = 0
        for c in 0..<channels { sum += from[frame * channels + c] }
        return sum / Float(channels)
      }
    }
    result.channels = 1
    return result
  }

  /// The first `length` frames, silence behind a shorter clip.
  func fitted(to length: Int) -> Clip {
    var result = self
    let count = length * channels
    if samples.count > count {
      result.samples.removeLast(samples.count - count)
    } else {
      result.samples += [Float](repeating: 0, count: count - samples.count)
    }
    return result
  }

  /// Divided by the largest magnitude; silence stays silence.
  func peakNormalized() -> Clip {
    let peak = samples.reduce(0) { max($0, $1.magnitude) }
    guard peak > 0, peak.isFinite else { return self }
    var result = self
    result.samples = samples.map { $0 / peak }
    return result
  }
}
