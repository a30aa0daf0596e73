import Foundation
import Synchronization
import UQNumerics
import UQSupport

/// Where a folder's samples come from; one kind for each form of folder.
protocol SampleStore: Sendable {
  /// Loads the inputs of a sample, and whether their channels may still move.
  func load(_ index: Int) throws(Diagnostic) -> (
    inputs: [(name: String?, tensor: Tensor)], hasFreeLayout: Bool
  )
}

/// What a file is, by its extension.
enum MediaKind: String, CaseIterable {
  case picture, array, archive, proto, clip, series

  init?(path: String) {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
    switch path[path.index(after: dot)...].lowercased() {
    case "png", "jpg", "jpeg": self = .picture
    case "npy": self = .array
    case "npz": self = .archive
    case "pb": self = .proto
    case "wav", "wave", "flac": self = .clip
    case "csv": self = .series
    default: return nil
    }
  }

  /// How messages call files of the kind.
  var plural: String {
    switch self {
    case .picture: "pictures (PNG, JPEG)"
    case .array: ".npy files"
    case .archive: ".npz files"
    case .proto: ".pb files"
    case .clip: "sound clips (WAV, FLAC)"
    case .series: "series (CSV)"
    }
  }
}

/// One sample in each file.
struct FileStore: SampleStore {
  var paths: [String]
  var kind: MediaKind
  var preprocessing: Preprocessing

  /// Pictures and clips above this size are refused.
  static let maximumBytes = 1 << 30

  func load(_ index: Int) throws(Diagnostic) -> (
    inputs: [(name: String?, tensor: Tensor)], hasFreeLayout: Bool
  ) {
    let path = paths[index]
    let place = SourcePlace(file: path)
    let isFree = preprocessing.layout == nil
    switch kind {
    case .picture:
      let content = try FileContent(path: path, limit: Self.maximumBytes)
      let picture = try Picture(content.bytes, place: place)
      return ([(nil, try preprocessing.tensor(of: picture, place: place))], isFree)
    case .clip:
      let content = try FileContent(path: path, limit: Self.maximumBytes)
      let clip = try Clip(content.bytes, place: place)
      let tensor = try preprocessing.tensor(of: clip, place: place)
      return ([(nil, tensor)], isFree && tensor.shape.rank > 1)
    case .archive:
      return (try NumPyArchive.read(path).map { ($0.name, $0.tensor) }, false)
    case .array, .proto, .series:
      return ([(nil, try NumPyFile.read(path))], false)
    }
  }
}

/// Samples along the first axis of arrays.
struct ArrayStore: SampleStore {
  var arrays: [(name: String?, array: NumPyArray)]

  func load(_ index: Int) throws(Diagnostic) -> (
    inputs: [(name: String?, tensor: Tensor)], hasFreeLayout: Bool
  ) {
    (arrays.map { ($0.name, $0.array.sample(at: index)) }, false)
  }
}

/// One sample in the files `input_0.pb`, `input_1.pb` and so on of each folder.
struct ProtoStore: SampleStore {
  var paths: [[String]]
  var reader: TensorProtoReader

  func load(_ index: Int) throws(Diagnostic) -> (
    inputs: [(name: String?, tensor: Tensor)], hasFreeLayout: Bool
  ) {
    var inputs: [(name: String?, tensor: Tensor)] = []
    for path in paths[index] {
      do {
        let (name, tensor) = try reader(path)
        inputs.append((name?.isEmpty == true ? nil : name, tensor))
      } catch {
        let place = SourcePlace(file: path)
        throw diagnostics(of: error).first?.located(in: place)
          ?? Diagnostic(id: "samples.pb.damaged", "cannot read the tensor", at: place)
      }
    }
    return (inputs, false)
  }
}

/// Windows of rows, or all rows, of each CSV file.
final class SeriesStore: SampleStore {
  let preprocessing: Preprocessing
  /// File and window of each sample.
  let samples: [(path: String, window: Int)]
  // Neighbouring windows are of one file; each thread that walks a stretch keeps its own file here.
  private let recent = Mutex<[(path: String, table: CSVTable)]>([])
  private static let kept = 16

  init(preprocessing: Preprocessing, samples: [(path: String, window: Int)]) {
    self.preprocessing = preprocessing
    self.samples = samples
  }

  static func table(_ path: String, _ preprocessing: Preprocessing) throws(Diagnostic) -> CSVTable {
    let content = try FileContent(path: path, limit: FileStore.maximumBytes)
    return try CSVTable(
      content.bytes, labelColumn: preprocessing.labelColumn, place: SourcePlace(file: path))
  }

  /// Rows of window `index`, whose length is `preprocessing.window` or the whole series.
  static func rows(_ index: Int, of count: Int, _ preprocessing: Preprocessing) -> Range<Int> {
    guard let window = preprocessing.window else { return 0..<count }
    let start = index * (preprocessing.step ?? window)
    return start..<(start + window)
  }

  /// Number of windows in a series of `count` rows.
  static func windows(in count: Int, _ preprocessing: Preprocessing) -> Int {
    guard let window = preprocessing.window else { return 1 }
    return count < window ? 0 : (count - window) / (preprocessing.step ?? window) + 1
  }

  func load(_ index: Int) throws(Diagnostic) -> (
    inputs: [(name: String?, tensor: Tensor)], hasFreeLayout: Bool
  ) {
    let (path, window) = samples[index]
    let place = SourcePlace(file: path)
    var table = recent.withLock { list in list.first { $0.path == path }?.table }
    if table == nil {
      let read = try Self.table(path, preprocessing)
      recent.withLock { list in
        list.append((path, read))
        if list.count > Self.kept { list.removeFirst() }
      }
      table = read
    }
    guard let table else { preconditionFailure("a series is read or an error thrown") }
    let rows = Self.rows(window, of: table.rowCount, preprocessing)
    guard rows.upperBound <= table.rowCount else {
      throw Diagnostic(
        id: "samples.csv.short",
        "\(table.rowCount) rows, fewer than preprocess.window \(rows.count)", at: place)
    }
    let tensor = try preprocessing.tensor(of: table, rows: rows, place: place)
    return ([(nil, tensor)], preprocessing.layout == nil && tensor.shape.rank > 1)
  }
}
