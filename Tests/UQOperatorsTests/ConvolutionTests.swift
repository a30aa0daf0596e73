import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@Suite struct ConvolutionTests {
  typealias Attributes = [String: ForeignAttribute]

  /// 3x3 sums over 0...24 in 5x5, by hand.
  @Test func convolutionOfOnesSumsWindows() throws {
    let model = try ForeignModel(
      "Conv", version: 11, attributes: ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2])],
      [
        .input(.counting([1, 1, 5, 5])),
        .constant(Tensor([Float](repeating: 1, count: 9), [1, 1, 3, 3])),
        .constant(Tensor([0.5 as Float], [1])),
      ])
    #expect(model.has("conv2d"))
    let y = try model.evaluate()[0]
    #expect(y.shape == [1, 1, 2, 2])
    #expect(y.floats == [54.5, 72.5, 144.5, 162.5])
  }

  @Test func namesFollowTheModel() throws {
    let model = try ForeignModel(
      "Conv", version: 11,
      [.input(.counting([1, 2, 4, 4])), .constant(.counting([3, 2, 1, 1]))])
    let conv = try #require(model.graph.nodes.first { $0.spec.name == "conv2d" })
    #expect(model.graph[conv.result].name == "y")
    #expect(model.graph[model.graph.outputs[0]].name == "y:nchw")
    #expect(model.graph.outputNames == ["y"])
  }

  /// An even kernel makes odd padding: the extra element is after or before.
  @Test(arguments: [("SAME_UPPER", [1, 3, 5, 3] as [Float]), ("SAME_LOWER", [0, 1, 3, 5])])
  func automaticPadding(mode: String, expected: [Float]) throws {
    let model = try ForeignModel(
      "Conv", version: 11, attributes: ["auto_pad": .string(mode)],
      [.input(.counting([1, 1, 4])), .constant(Tensor([1, 1] as [Float], [1, 1, 2]))])
    let y = try model.evaluate()[0]
    #expect(y.shape == [1, 1, 4])
    #expect(y.floats == expected)
  }

  @Test func validPaddingIgnoresPads() throws {
    let model = try ForeignModel(
      "Conv", version: 11, attributes: ["auto_pad": .string("VALID"), "pads": .ints([1, 1])],
      [.input(.counting([1, 1, 4])), .constant(Tensor([1, 1] as [Float], [1, 1, 2]))])
    #expect(try model.evaluate()[0].floats == [1, 3, 5])
  }

  @Test func dilationSpreadsTaps() throws {
    let model = try ForeignModel(
      "Conv", version: 1, attributes: ["dilations": .ints([2]), "pads": .ints([2, 0])],
      [.input(.counting([1, 1, 5], from: 1)), .constant(Tensor([10, 1] as [Float], [1, 1, 2]))])
    // x[i - 2] · 10 + x[i].
    #expect(try model.evaluate()[0].floats == [1, 2, 13, 24, 35])
  }

  @Test func groupsReadTheirOwnChannels() throws {
    let model = try ForeignModel(
      "Conv", version: 11, attributes: ["group": .int(2)],
      [
        .input(Tensor([1, 2, 3, 4] as [Float], [1, 4, 1, 1])),
        .constant(Tensor([1, 1, 10, 10] as [Float], [2, 2, 1, 1])),
      ])
    #expect(model.has("conv2d"))
    #expect(try model.evaluate()[0].floats == [3, 70])
  }

  @Test func groupOfOneChannelIsDepthwise() throws {
    let model = try ForeignModel(
      "Conv", version: 11, attributes: ["group": .int(2)],
      [
        .input(Tensor([1, 2, 3, 4] as [Float], [1, 2, 1, 2])),
        .constant(Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], [4, 1, 1, 2])),
        .constant(Tensor([0, 100, 0, 100] as [Float], [4])),
      ])
    #expect(model.has("depthwise_conv2d"))
    #expect(try model.evaluate()[0].floats == [5, 111, 39, 153])
  }

  @Test func activationBoundsTheResult() throws {
    let op = Conv2D(window: Window2D(kernel: [1, 1]), activation: Clamp(low: 0, high: 6))
    let operands: [Tensor?] = [
      Tensor([-1, 2, 9] as [Float], [1, 1, 3, 1]), Tensor([1 as Float], [1, 1, 1, 1]),
    ]
    let types = try op.resultTypes(operands.map { $0?.type })
    #expect(try op.evaluate(operands, results: types)[0].floats == [0, 2, 6])
    #expect(op.macs(operands.map { $0?.type }, types) == 3)
  }

  static let refusals: [(String, Attributes, [Shape], Bool)] = [
    ("import.conv.rank", [:], [[1, 1, 3, 3, 3], [1, 1, 1, 1, 1]], true),
    ("import.conv.rank", [:], [[1, 1, 3, 3], [1, 1, 3]], true),
    ("import.conv.weights", [:], [[1, 1, 3, 3], [1, 1, 1, 1]], false),
    ("import.conv.kernel", ["kernel_shape": .ints([2, 2])], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("shape.conv2d.channels", [:], [[1, 3, 3, 3], [1, 2, 1, 1]], true),
    ("shape.conv2d.channels", ["group": .int(0)], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("shape.conv2d.channels", ["group": .int(2)], [[1, 4, 3, 3], [3, 2, 1, 1]], true),
    ("shape.conv2d.window", [:], [[1, 1, 3, 3], [1, 1, 4, 4]], true),
    ("import.window.range", ["strides": .ints([0, 1])], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("import.window.range", ["strides": .ints([.max, 1])], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("import.window.range", ["pads": .ints([-1, 0, 0, 0])], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("import.window.rank", ["pads": .ints([1, 1])], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("import.window.auto-pad", ["auto_pad": .string("X")], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
    ("import.attribute.type", ["group": .string("X")], [[1, 1, 3, 3], [1, 1, 1, 1]], true),
  ]

  @Test(arguments: refusals.indices)
  func unsoundConvolutionsAreRefused(index: Int) throws {
    let (id, attributes, shapes, isConstant) = Self.refusals[index]
    let weights = Tensor(zeros: .float32, shapes[1])
    let problem = #expect(throws: Diagnostic.self) {
      _ = try ForeignModel(
        "Conv", version: 11, attributes: attributes,
        [
          .input(Tensor(zeros: .float32, shapes[0])),
          isConstant ? .constant(weights) : .input(weights),
        ])
    }
    #expect(problem?.id == id)
    #expect(problem?.place.node == "node")
  }

  @Test func biasOfOtherLengthIsRefused() {
    let problem = #expect(throws: Diagnostic.self) {
      _ = try ForeignModel(
        "Conv", version: 11,
        [
          .input(.counting([1, 1, 2, 2])), .constant(.counting([2, 1, 1, 1])),
          .constant(.counting([3])),
        ])
    }
    #expect(problem?.id == "shape.conv2d.bias")
  }

  /// Extents of 0 hide no overflow: everything made of a shape's extents fits.
  @Test func emptyWeightsOfHugeExtentsAreNoShape() {
    #expect(Shape(checking: [0, 1 << 40, 1 << 40]) == nil)
    #expect(Shape(checking: [0, 1 << 40, 1 << 20])?.count == 0)
    #expect(Shape(checking: [2, -1]) == nil)
    #expect(([2, 3, 4] as Shape).map { $0 + 1 } == [3, 4, 5])
  }

  /// A model of a few hundred bytes cannot ask for hours of work while it is read.
  @Test(.timeLimit(.minutes(1)))
  func longConstantConvolutionsAreNotFolded() throws {
    let big = Tensor(zeros: .float32, [1, 1, 2048, 2048])
    let model = try ForeignModel(
      "Conv", version: 11,
      [.constant(big), .constant(Tensor(zeros: .float32, [1, 1, 1024, 1024]))])
    #expect(model.has("conv2d"))
  }
}
