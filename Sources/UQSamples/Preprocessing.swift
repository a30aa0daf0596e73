import UQSupport

/// How pictures, clips and series become a model's input.
///
/// Read from `preprocess` in `dataset.json` and in `uq.yaml`; every field is optional and unknown
/// fields are errors. Values are normalised last, in float32: `y = (x · scale − mean) / std`.
///
/// Arrays (`.npy`, `.npz`, `.pb`) are a model's inputs already: nothing here changes them.
public struct Preprocessing: Hashable, Sendable {
  /// Arrangement of a picture's colours.
  public enum Color: String, Hashable, Codable, Sendable {
    /// Red, green, blue; a grey picture is repeated.
    case rgb
    /// Blue, green, red; a grey picture is repeated.
    case bgr
    /// One channel of luma (ITU-R BT.601).
    case gray
  }

  /// Where the channels of a picture, a clip or a series stand.
  public enum Layout: String, Hashable, Codable, Sendable {
    /// `[height, width, channels]` or `[time, channels]`; also written `NHWC`, `NWC`.
    case channelsLast = "channels_last"
    /// `[channels, height, width]` or `[channels, time]`; also written `NCHW`, `NCW`.
    case channelsFirst = "channels_first"
  }

  /// How a picture's new pixels come from its old ones.
  public enum Resampling: String, Hashable, Codable, Sendable {
    /// A triangle filter, widened where the picture shrinks (Pillow's `BILINEAR`).
    case bilinear
    /// The pixel under the centre.
    case nearest
  }

  /// What a clip's values are divided by.
  public enum Normalization: String, Hashable, Codable, Sendable {
    /// Nothing.
    case none
    /// The clip's largest magnitude.
    case peak
  }

  /// What is computed from a clip.
  public enum Features: String, Hashable, Codable, Sendable {
    /// Nothing: the wave itself.
    case none
    /// Nothing: the wave itself. Spectral features are not computed; give them as `.npy`.
    case raw
  }

  /// A picture's size: `[height, width]`, or one number for the shorter side.
  public enum Size: Hashable, Sendable {
    /// Exactly this size.
    case exact(height: Int, width: Int)
    /// The shorter side gets this length, the other keeps the ratio (rounded down).
    case shorterSide(Int)
  }

  /// A column of a series, by the name in its header or by its number from 0.
  public enum Column: Hashable, Sendable {
    /// Name in the header.
    case name(String)
    /// Number from 0.
    case index(Int)
  }

  /// Colours (`color`): `rgb`, `bgr` or `gray`.
  ///
  /// Default: as in the file, without alpha.
  public var color: Color?
  /// Layout (`layout`): `NHWC`, `NCHW`, `channels_last` or `channels_first`.
  ///
  /// Default: whichever the model's input shape calls for; last where that is unknown.
  public var layout: Layout?
  /// Size (`resize`) that a picture is scaled to before cropping.
  ///
  /// Default: its own.
  public var resize: Size?
  /// Resampling (`resample`): `bilinear` (default) or `nearest`.
  public var resample: Resampling?
  /// Size (`crop`) of the rectangle that is cut from the middle, `[height, width]` or one number
  /// for a square.
  ///
  /// Default: everything.
  public var crop: Size?
  /// Factor (`scale`), one or one for each channel or column.
  ///
  /// Pixels are 0...255, those of 16-bit pictures divided by 257 first. Default: 1.
  public var scale: [Double]?
  /// What is subtracted (`mean`) after scaling, one or one for each channel or column.
  ///
  /// Default: 0.
  public var mean: [Double]?
  /// What is divided by (`std`) last, one or one for each channel or column; not 0.
  ///
  /// Default: 1.
  public var std: [Double]?
  /// Frames per second (`sample_rate`) that every clip must have; clips are never resampled.
  public var sampleRate: Int?
  /// Whether a clip's channels are averaged to one (`mono`).
  ///
  /// Default: true.
  public var mono: Bool?
  /// Frames of a clip (`length`): longer ones are cut, shorter ones end in silence.
  public var length: Int?
  /// Normalisation of clips (`normalise` or `normalize`): `none` (default) or `peak`; before
  /// `scale`, after `length`.
  public var normalise: Normalization?
  /// Features of clips (`features`): `none` (default) or `raw`, both the wave itself.
  public var features: Features?
  /// Rows of a sample (`window`) cut from a series.
  ///
  /// Default: the whole series is one sample.
  public var window: Int?
  /// Rows from one window's start to the next (`step`).
  ///
  /// Default: `window`.
  public var step: Int?
  /// Columns of a series that are inputs (`columns`), in this order.
  ///
  /// Default: all but the label's.
  public var columns: [Column]?
  /// Column of a series that holds the label (`label_column`), an index or a class name; a window
  /// takes it from its last row.
  ///
  /// A series with labels but without `window` is cut into rows.
  public var labelColumn: Column?

  /// Preprocessing that changes nothing.
  public init() {}

  /// This preprocessing with the fields that `other` sets replaced by its own.
  public func overridden(by other: Preprocessing) -> Preprocessing {
    var result = self
    result.color = other.color ?? color
    result.layout = other.layout ?? layout
    result.resize = other.resize ?? resize
    result.resample = other.resample ?? resample
    result.crop = other.crop ?? crop
    result.scale = other.scale ?? scale
    result.mean = other.mean ?? mean
    result.std = other.std ?? std
    result.sampleRate = other.sampleRate ?? sampleRate
    result.mono = other.mono ?? mono
    result.length = other.length ?? length
    result.normalise = other.normalise ?? normalise
    result.features = other.features ?? features
    result.window = other.window ?? window
    result.step = other.step ?? step
    result.columns = other.columns ?? columns
    result.labelColumn = other.labelColumn ?? labelColumn
    return result
  }
}
