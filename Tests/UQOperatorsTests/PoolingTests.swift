import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@Suite struct PoolingTests {
  static let image = Tensor.counting([1, 1, 4, 4], from: 1)

  @Test func maximaOfWindows() throws {
    let model = try ForeignModel(
      "MaxPool", version: 12,
      attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])], [.input(Self.image)])
    #expect(try model.evaluate()[0].floats == [6, 8, 14, 16])
  }

  @Test func paddingNeverWins() throws {
    let model = try ForeignModel(
      "MaxPool", version: 12,
      attributes: [
        "kernel_shape": .ints([2]), "strides": .ints([2]), "pads": .ints([1, 1]),
        "dilations": .ints([1]),
      ], [.input(.counting([1, 1, 4], from: -4))])
    #expect(try model.evaluate()[0].floats == [-4, -2, -1])
  }

  @Test func integersArePooledAsTheyAre() throws {
    for tensor in [
      Tensor([200, 3, 7, 250] as [UInt8], [1, 1, 2, 2]),
      Tensor([-100, -3, -7, -128] as [Int8], [1, 1, 2, 2]),
      Tensor([-(1 << 62), -((1 << 62) + 1)] as [Int64], [1, 1, 1, 2]),
    ] {
      let model = try ForeignModel(
        "MaxPool", version: 12,
        attributes: ["kernel_shape": .ints(Array(tensor.shape.dimensions.suffix(2)))],
        [.input(tensor)])
      #expect(try model.evaluate()[0].integers == [tensor.integers.max()])
    }
  }

  @Test func indicesAreRefused() {
    let problem = #expect(throws: Diagnostic.self) {
      _ = try ForeignModel(
        "MaxPool", version: 12, attributes: ["kernel_shape": .ints([2, 2])], [.input(Self.image)],
        results: ["y", "indices"])
    }
    #expect(problem?.id == "import.max-pool.indices")
  }

  /// 1...5, windows of 2 by 2: the last one reaches beyond the image and counts what is there.
  @Test(arguments: [0, 1])
  func ceilModeCountsWhatIsThere(includesPadding: Int) throws {
    let model = try ForeignModel(
      "AveragePool", version: 19,
      attributes: [
        "kernel_shape": .ints([2]), "strides": .ints([2]), "ceil_mode": .int(1),
        "count_include_pad": .int(includesPadding),
      ], [.input(.counting([1, 1, 5], from: 1))])
    #expect(try model.evaluate()[0].floats == [1.5, 3.5, 5])
  }

  /// As ONNX Runtime and the format's own shape inference do.
  @Test func ceilModeHoldsWithoutPadding() throws {
    let model = try ForeignModel(
      "MaxPool", version: 12,
      attributes: [
        "kernel_shape": .ints([2]), "strides": .ints([2]), "ceil_mode": .int(1),
        "auto_pad": .string("VALID"),
      ], [.input(.counting([1, 1, 5], from: 1))])
    #expect(try model.evaluate()[0].floats == [2, 4, 5])
  }

  /// A window that starts behind the image is none.
  @Test func ceilModeDropsWindowsOfPaddingAlone() throws {
    let model = try ForeignModel(
      "AveragePool", version: 19,
      attributes: [
        "kernel_shape": .ints([1]), "strides": .ints([2]), "ceil_mode": .int(1),
        "pads": .ints([0, 1]),
      ], [.input(.counting([1, 1, 2], from: 1))])
    #expect(try model.evaluate()[0].floats == [1])
  }

  /// Counted padding before, overhang after: 1...4 padded by one on each side, windows of 3 by 2.
  @Test func countedPaddingEndsWhereItWasAskedFor() throws {
    let model = try ForeignModel(
      "AveragePool", version: 19,
      attributes: [
        "kernel_shape": .ints([3]), "strides": .ints([2]), "ceil_mode": .int(1),
        "pads": .ints([1, 1]), "count_include_pad": .int(1),
      ], [.input(.counting([1, 1, 4], from: 1))])
    #expect(try model.evaluate()[0].floats == [1, 3, 2])
  }

  @Test func excludedPaddingDoesNotCount() throws {
    for (includes, expected) in [(0, [1.5, 2, 2.5] as [Float]), (1, [1, 2, 5.0 / 3])] {
      let model = try ForeignModel(
        "AveragePool", version: 7,
        attributes: [
          "kernel_shape": .ints([3]), "pads": .ints([1, 1]), "count_include_pad": .int(includes),
        ], [.input(.counting([1, 1, 3], from: 1))])
      #expect(try model.evaluate()[0].floats == expected)
    }
  }

  @Test(arguments: [[1, 2, 3], [1, 2, 3, 2], [1, 2, 3, 2, 2]])
  func globalPoolsReadTheWholeImage(extents: [Int]) throws {
    let x = Tensor.counting(Shape(extents))
    let half = x.count / 2
    let ones = [Int](repeating: 1, count: extents.count - 2)
    let mean = try ForeignModel("GlobalAveragePool", version: 1, [.input(x)]).evaluate()[0]
    #expect(mean.shape.dimensions == [1, 2] + ones)
    #expect(mean.floats == [Float(half - 1) / 2, Float(half - 1) / 2 + Float(half)])
    let largest = try ForeignModel("GlobalMaxPool", version: 1, [.input(x)]).evaluate()[0]
    #expect(largest.shape.dimensions == [1, 2] + ones)
    #expect(largest.floats == [Float(half - 1), Float(2 * half - 1)])
  }

  @Test func normsOfWindows() throws {
    let x = Tensor([3, -4, 0, 12] as [Float], [1, 1, 4])
    let model = try ForeignModel(
      "LpPool", version: 18, attributes: ["kernel_shape": .ints([2]), "strides": .ints([2])],
      [.input(x)])
    #expect(zip(try model.evaluate()[0].floats, [5, 12]).allSatisfy { abs($0 - $1) < 1e-4 })
    let sum = try ForeignModel("GlobalLpPool", version: 2, attributes: ["p": .int(1)], [.input(x)])
    #expect(zip(try sum.evaluate()[0].floats, [19]).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func windowsOfPaddingAloneHaveNoPrimitive() throws {
    let x = TensorType(.float32, [1, 2, 2, 1])
    let window = Window2D(kernel: [1, 1], padding: [1, 0, 0, 0])
    let types = try AveragePool2D(window: window).resultTypes([x])
    #expect(AveragePool2D(window: window).primitive([x], types) == nil)
    #expect(MaxPool2D(window: window).primitive([x], types) == nil)
    let sound = Window2D(kernel: [2, 1], padding: [1, 0, 0, 0])
    #expect(MaxPool2D(window: sound).primitive([x], types) == .pooling(.maximum, sound))
  }

  @Test func volumesAreRefused() {
    for name in ["MaxPool", "AveragePool"] {
      let problem = #expect(throws: Diagnostic.self) {
        _ = try ForeignModel(
          name, version: 12, attributes: ["kernel_shape": .ints([1, 1, 1])],
          [.input(Tensor(zeros: .float32, [1, 1, 2, 2, 2]))])
      }
      #expect(problem?.id == "import.pool.rank")
    }
  }
}
