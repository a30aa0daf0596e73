import Foundation
import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The arguments that a kernel prints are those that its header declares.
@Suite struct KernelArgumentsTests {
  static let geometry: ImageGeometry? = try? ImageGeometry(
    "test", TensorType(.int8, [1, 5, 6, 4]), TensorType(.int8, [1, 5, 6, 8]),
    Window2D(kernel: [3, 3], padding: [1, 1, 1, 1]), at: SourcePlace())
  static let stage = OutputStage(
    Quantization(bits: 8, scales: [0.5], zeroPoint: 3), .relu, rounding: .single)

  static var kernels: [any Kernel] {
    guard let geometry else { return [] }
    let x = BufferID(0)
    let y = BufferID(1)
    var result: [any Kernel] = [
      MaxPool2DKernel(geometry: geometry, outputStage: stage, input: x, output: y),
      AveragePool2DKernel(
        geometry: geometry, inputZeroPoint: 1, hasOneDivisor: true, outputStage: stage,
        multipliers: ConstantID(0), shifts: ConstantID(1), input: x, output: y),
      SoftmaxKernel(rows: 1, depth: 4, scale: 0.1, isWide: false, input: x, output: y),
      SoftmaxKernel(rows: 1, depth: 4, scale: 0.1, isWide: true, input: x, output: y),
    ]
    for bits in WeightPacking.widths {
      let layer = RequantizedLayer(
        weights: ConstantID(0), bits: bits, bias: ConstantID(1), multipliers: ConstantID(2),
        shifts: ConstantID(3))
      result.append(
        Conv2DKernel(
          geometry: geometry, groups: 1, inputZeroPoint: 1, outputStage: stage, layer: layer,
          input: x, output: y))
      result.append(
        DepthwiseConv2DKernel(
          geometry: geometry, multiplier: 2, inputZeroPoint: 1, outputStage: stage, layer: layer,
          input: x, output: y))
      for isWide in [false, true] {
        result.append(
          FullyConnectedKernel(
            batch: 1, depth: 4, channels: 8, isWide: isWide, outputStage: stage, layer: layer,
            input: x, output: y))
      }
    }
    return result
  }

  @Test func kernelsAreThere() { #expect(Self.kernels.count == 24) }

  @Test func sourcesAndHeadersExistAndNameTheSymbol() throws {
    for kernel in Self.kernels {
      let header = try runtimeFile("include/" + kernel.header)
      #expect(header.contains("void \(kernel.symbol)("), "\(kernel.symbol)")
      #expect(try !runtimeFile(kernel.source).isEmpty)
    }
  }

  @Test func structureFieldsAreThoseOfTheHeader() throws {
    for kernel in Self.kernels {
      guard case .structure(let type, let fields) = try #require(kernel.arguments.first) else {
        Issue.record("\(kernel.symbol) has no structure")
        continue
      }
      let header = try runtimeFile("include/" + kernel.header)
      #expect(
        fields.map(\.name) == declaredFields(header, type), "\(kernel.symbol) \(type)")
    }
  }

  @Test func argumentCountIsThatOfThePrototype() throws {
    for kernel in Self.kernels {
      let header = try runtimeFile("include/" + kernel.header)
      let tail = try #require(header.components(separatedBy: "void \(kernel.symbol)(").last)
      let list = try #require(tail.components(separatedBy: ")").first)
      #expect(
        kernel.arguments.count == list.components(separatedBy: ",").count, "\(kernel.symbol)")
    }
  }

  @Test func boundsOfAnActivationBecomeIntegers() {
    #expect(Self.stage.low == 3)
    #expect(Self.stage.high == 127)
    let quantization = Quantization(bits: 8, scales: [0.5], zeroPoint: 3)
    let six = OutputStage(quantization, Clamp(low: 0, high: 6), rounding: .single)
    #expect(six.high == 15)
    let crossed = OutputStage(quantization, Clamp(low: 5, high: 1), rounding: .single)
    #expect(crossed.low == 5 && crossed.high == 5)
    let none = OutputStage(quantization, Clamp(low: .nan, high: .nan), rounding: .single)
    #expect(none.low == -128 && none.high == 127)
  }

  @Test(arguments: [1e-30, 1e-3, 0.5, 22, 23, 1e12])
  func softmaxMultiplierIsNormalized(scale: Double) {
    let kernel = SoftmaxKernel(
      rows: 1, depth: 2, scale: scale, isWide: false, input: BufferID(0), output: BufferID(1))
    #expect((1 << 30..<1 << 31).contains(kernel.multiplier))
    #expect((0...62).contains(kernel.shift))
  }

  private func runtimeFile(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try String(
      contentsOf: root.appendingPathComponent("Sources/UQRuntime/" + name), encoding: .utf8)
  }

  /// Names of the fields of a structure in a header, in order.
  private func declaredFields(_ header: String, _ type: String) -> [String] {
    guard let end = header.range(of: "} \(type);"),
      let start = header[..<end.lowerBound].range(of: "typedef struct {", options: .backwards)
    else { return [] }
    var body = String(header[start.upperBound..<end.lowerBound])
    while let open = body.range(of: "/*"), let close = body.range(of: "*/") {
      body.removeSubrange(open.lowerBound..<close.upperBound)
    }
    return body.components(separatedBy: ";").flatMap { declaration in
      let words = declaration.split(whereSeparator: { $0.isWhitespace || $0 == "," })
      return words.dropFirst().map(String.init)
    }
  }
}
