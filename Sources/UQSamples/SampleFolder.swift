import Foundation
import UQNumerics
import UQSupport

/// The samples of a folder or of a single file.
///
/// Pictures, clips, series and arrays in one sub-folder per class or listed in `labels.csv`;
/// `inputs.npy` or one `.npz` with an axis of samples, and `labels.npy`; files of one sample each;
/// ONNX test folders.
///
/// Opening reads names, labels and headers; tensors are made when a sample is asked for, so memory
/// does not grow with the number of samples. May be used from many threads at once.
public struct SampleFolder: SampleSource {
  /// How a folder keeps its samples.
  public enum Form: String, Hashable, Sendable {
    /// A sub-folder of files for each class.
    case classFolders = "class-folders"
    /// Files that `labels.csv` lists.
    case labelledFiles = "labelled-files"
    /// Files without labels, or with `labels.npy`.
    case files
    /// Arrays with a leading axis of samples, `inputs.npy` or one `.npz`.
    case arrays
    /// ONNX test folders with `input_0.pb`.
    case testFolders = "test-folders"
  }

  /// The folder or file as it was given.
  public let path: String
  /// How the samples are kept.
  public let form: Form
  /// Preprocessing in effect: that of `dataset.json` overridden by the caller's.
  public let preprocessing: Preprocessing
  /// What `dataset.json` says; `nil` without one.
  public let dataset: DatasetDescription?
  /// What was passed over, and other remarks that are no errors.
  public let notes: [Diagnostic]
  /// A name for each sample, in order.
  public let names: [String]
  /// Index of the class of each sample; `nil` where there are no labels.
  public let labels: [Int]?
  /// Names of the classes in the order of their indices; `nil` where they are not known.
  public let classes: [String]?
  private let store: any SampleStore

  /// Opens `path`.
  ///
  /// - Parameters:
  ///   - path: A folder or a file.
  ///   - overrides: Fields that replace those of `dataset.json` (the section of `uq.yaml`).
  ///   - inputs: The model's inputs, where they are known: tells a single array that is one sample
  ///     from one whose first axis counts samples.
  ///   - tensorProtoReader: Reads `.pb` files; without it they are refused.
  /// - Throws: ``Diagnostics`` of `samples.folder.missing`, `.empty`, `.mixed`, `.unreadable`;
  ///   `samples.labels.*`, `samples.classes.*`, `samples.dataset.invalid`, `samples.npy.*`,
  ///   `samples.npz.*`, `samples.csv.*`, `samples.pb.*`.
  public init(
    path: String, overriding overrides: Preprocessing = Preprocessing(),
    inputs: [(name: String, type: TensorType)]? = nil,
    tensorProtoReader: TensorProtoReader? = nil
  ) throws(Diagnostics) {
    self.path = path
    let contents: FolderContents
    do {
      dataset = try DatasetDescription.find(
        beside: FolderContents.isFolder(path) ? path : FolderContents.parent(of: path))
      var settings = (dataset?.preprocess ?? Preprocessing()).overridden(by: overrides)
      if settings.labelColumn != nil, settings.window == nil { settings.window = 1 }
      preprocessing = settings
      contents = try FolderDetector(
        path: path, preprocessing: settings, dataset: dataset, inputs: inputs,
        reader: tensorProtoReader
      ).detect()
    } catch {
      throw Diagnostics(diagnostics(of: error))
    }
    form = contents.form
    notes = contents.notes
    names = contents.names
    labels = contents.labels
    classes = contents.classes
    store = contents.store
  }

  /// Number of samples; at least 1.
  public var count: Int { names.count }

  /// Loads a sample.
  ///
  /// - Precondition: `0 <= index < count`.
  /// - Throws: `samples.*`, naming the sample's file.
  public func sample(at index: Int) throws(Diagnostic) -> Sample {
    precondition(names.indices.contains(index), "sample \(index) of \(count)")
    let (inputs, isFree) = try store.load(index)
    return Sample(
      name: names[index], inputs: inputs, label: labels?[index], hasFreeLayout: isFree)
  }
}

/// What was found in a folder.
struct FolderContents {
  var form: SampleFolder.Form
  var names: [String]
  var labels: [Int]?
  var classes: [String]?
  var store: any SampleStore
  var notes: [Diagnostic] = []

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func parent(of path: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
  }
}
