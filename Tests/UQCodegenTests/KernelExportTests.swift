import Foundation
import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQPlanner
import UQSupport

@testable import UQCodegen

/// A network of the runtime's own kernels: convolution, depthwise, fully connected, softmax.
struct KernelExportTests {
  private struct Builder {
    var program = KernelProgram(name: "net")
    var generator = SeededGenerator(seed: 7)

    mutating func buffer(
      _ name: String, _ shape: Shape, _ kind: ProgramBuffer.Kind = .activation,
      _ element: ElementType = .int8
    ) -> BufferID {
      let type = TensorType(
        element, shape, quantization: Quantization(bits: 8, scales: [0.05], zeroPoint: 3))
      program.buffers.append(
        ProgramBuffer(
          name: name, kind: kind, byteCount: type.byteCount, alignment: element.byteCount,
          type: type))
      return BufferID(program.buffers.count - 1)
    }

    mutating func constant(_ constant: ProgramConstant) -> ConstantID {
      program.constants.append(constant)
      return ConstantID(program.constants.count - 1)
    }

    mutating func layer(_ name: String, rows: Int, length: Int, channels: Int, bits: Int)
      -> RequantizedLayer
    {
      let top = bits == 1 ? 0 : (1 << (bits - 1)) - 1
      let values = (0..<rows * length).map { _ in
        let value = Int8(Int.random(in: -top - 1...top, using: &generator))
        return bits == 1 && value == 0 ? 1 : value
      }
      let weights =
        bits == 8
        ? ProgramConstant(name: "\(name) weights", role: .weights, values)
        : ProgramConstant(
          name: "\(name) weights", role: .weights,
          WeightPacking.pack(values, rowLength: length, bits: bits), bits: bits)
      let factor = FixedPointMultiplier(0.4 / Double(1 << (bits + 2)))
      let bias = (0..<channels).map { _ in Int32.random(in: -500...500, using: &generator) }
      return RequantizedLayer(
        weights: constant(weights), bits: bits,
        bias: constant(ProgramConstant(name: "\(name) bias", role: .bias, bias)),
        multipliers: constant(
          ProgramConstant(
            name: "\(name) multipliers", role: .scales,
            [Int32](repeating: factor.mantissa, count: channels))),
        shifts: constant(
          ProgramConstant(
            name: "\(name) shifts", role: .scales,
            [UInt8](repeating: UInt8(factor.shift), count: channels))))
    }

    mutating func call(_ kernel: some Kernel, _ name: String) {
      program.calls.append(KernelCall(kernel: kernel, layer: name, operatorName: "Op", macs: 1))
    }

    mutating func scratch(_ bytes: Int, _ name: String) -> BufferID? {
      guard bytes > 0 else { return nil }
      program.buffers.append(
        ProgramBuffer(name: "\(name) scratch", kind: .scratch, byteCount: bytes, alignment: 4))
      return BufferID(program.buffers.count - 1)
    }
  }

  private func network(bits: Int, rounding: Rounding, isWide: Bool) throws -> KernelProgram {
    var net = Builder()
    let stage = OutputStage(
      Quantization(bits: 8, scales: [0.05], zeroPoint: 3), .none, rounding: rounding)
    let image = net.buffer("image", [1, 12, 10, 3], .input(0))
    let a = net.buffer("conv", [1, 6, 5, 8])
    let b = net.buffer("depthwise", [1, 6, 5, 8])
    let c = net.buffer("logits", [1, 10], .activation, isWide ? .int16 : .int8)
    let y = net.buffer("probabilities", [1, 10], .output(0))
    let place = SourcePlace()
    func type(_ shape: Shape) -> TensorType { TensorType(.int8, shape) }
    var conv = Conv2DKernel(
      geometry: try ImageGeometry(
        "test", type([1, 12, 10, 3]), type([1, 6, 5, 8]),
        Window2D(kernel: [3, 3], strides: [2, 2], padding: [0, 0, 1, 1]), at: place), groups: 1,
      inputZeroPoint: 3, outputStage: stage,
      layer: net.layer("conv", rows: 8, length: 27, channels: 8, bits: bits), input: image,
      output: a)
    conv.scratchBuffer = net.scratch(conv.scratchBytes, "conv")
    net.call(conv, "conv")
    var depthwise = DepthwiseConv2DKernel(
      geometry: try ImageGeometry(
        "test", type([1, 6, 5, 8]), type([1, 6, 5, 8]),
        Window2D(kernel: [3, 3], padding: [1, 1, 1, 1]), at: place), multiplier: 1,
      inputZeroPoint: 3, outputStage: stage,
      layer: net.layer("depthwise", rows: 9, length: 8, channels: 8, bits: bits), input: a,
      output: b)
    depthwise.scratchBuffer = net.scratch(depthwise.scratchBytes, "depthwise")
    net.call(depthwise, "depthwise")
    net.call(
      FullyConnectedKernel(
        batch: 1, depth: 240, channels: 10, isWide: isWide, outputStage: stage,
        layer: net.layer("dense", rows: 10, length: 240, channels: 10, bits: bits), input: b,
        output: c), "dense")
    net.call(
      SoftmaxKernel(rows: 1, depth: 10, scale: 0.05, isWide: isWide, input: c, output: y), "softmax"
    )
    func port(_ name: String, _ id: BufferID, _ shape: Shape) -> ProgramPort {
      let quantization = Quantization(bits: 8, scales: [0.05], zeroPoint: 3)
      return ProgramPort(
        name: name, buffer: id, type: TensorType(.int8, shape, quantization: quantization))
    }
    net.program.inputs = [port("image", image, [1, 12, 10, 3])]
    net.program.outputs = [port("probabilities", y, [1, 10])]
    return net.program
  }

  private func generate(bits: Int, _ rounding: Rounding = .single, isWide: Bool = false) throws
    -> Folder
  {
    let program = try network(bits: bits, rounding: rounding, isWide: isWide)
    let plan = try MemoryPlanner.plan(program)
    try PlanChecker.check(program, plan)
    let options = try options(for: program, plan, name: "net", samples: 3)
    #expect(Set(options.goldens.map(\.outputs)).count == 3)
    return try Folder(CodeGenerator.generate(program, plan, options))
  }

  @Test(arguments: Compiler.available, [8, 3])
  func exportsCompileStrictly(compiler: Compiler, bits: Int) throws {
    #expect(try compiler.strictly(generate(bits: bits)) == "")
  }

  @Test(arguments: Compiler.host.prefix(1), [8, 4, 3, 2, 1])
  func compiledBytesAreTheSimulators(compiler: Compiler, bits: Int) throws {
    let result = try compiler.selfTest(generate(bits: bits))
    #expect(result.text == "net: 3 samples agree\n")
    #expect(result.status == 0)
  }

  @Test(arguments: Compiler.host.suffix(1), [Rounding.double])
  func everyRoundingAgrees(compiler: Compiler, rounding: Rounding) throws {
    #expect(try compiler.selfTest(generate(bits: 8, rounding)).status == 0)
  }

  @Test(arguments: Compiler.host) func wideActivationsAgree(compiler: Compiler) throws {
    let folder = try generate(bits: 4, isWide: true)
    #expect(try compiler.strictly(folder) == "")
    #expect(try compiler.selfTest(folder).status == 0)
  }

  @Test(.enabled(if: Compiler.find("arm-none-eabi-nm") != nil))
  func devicesNeedNoLibraryButMemoryFunctions() throws {
    let compiler = try #require(Compiler.available.first { $0.name == "arm-none-eabi-gcc" })
    let linker = try #require(Compiler.find("arm-none-eabi-ld"))
    let lister = try #require(Compiler.find("arm-none-eabi-nm"))
    for bits in [8, 1] {
      let folder = try generate(bits: bits)
      #expect(try compiler.strictly(folder) == "")
      let objects = folder.names.filter { $0.hasSuffix(".c") && $0 != "selftest.c" }
        .map { String($0.dropLast(2)) + ".o" }
      #expect(try folder.run(linker, ["-r", "-o", "all.bin"] + objects).text == "")
      let missing = try folder.run(lister, ["-u", "all.bin"]).text.split(separator: "\n")
        .compactMap { $0.split(separator: " ").last.map(String.init) }
      #expect(Set(missing).isSubset(of: ["memcpy", "memset"]), "\(missing)")
      // Data and bss: everything is constant or in the arena.
      let symbols = try folder.run(lister, ["all.bin"]).text
      #expect(!symbols.contains(" b ") && !symbols.contains(" d "))
      #expect(!symbols.contains(" B ") && !symbols.contains(" D ") && !symbols.contains(" C "))
    }
  }
}
