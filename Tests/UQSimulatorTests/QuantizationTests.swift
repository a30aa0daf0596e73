import Testing
import UQKernels
import UQNumerics
import UQSimulator
import UQSupport

struct QuantizationTests {
  private func port(_ count: Int, scale: Double, zeroPoint: Int, bits: Int = 8) -> ProgramPort {
    ProgramPort(
      name: "x", buffer: BufferID(0),
      type: TensorType(
        bits == 8 ? .int8 : .int16, [count],
        quantization: Quantization(bits: bits, scales: [scale], zeroPoint: zeroPoint)))
  }

  @Test func tiesGoToEvenAndEndsSaturate() throws {
    let values: [Float] = [0.5, 1.5, 2.5, -0.5, -1.5, 1000, -1000, .infinity, -.infinity, .nan]
    let result = try port(10, scale: 1, zeroPoint: 3).quantize(Tensor(values, [10]))
    #expect(result.elements(Int8.self) == [3, 5, 5, 3, 1, 127, -128, 127, -128, 3])
  }

  @Test func sixteenBitsAreWider() throws {
    let result = try port(3, scale: 0.25, zeroPoint: 0, bits: 16)
      .quantize(Tensor([Float(1000), 1e9, -1e9], [3]))
    #expect(result.elements(Int16.self) == [4000, 32767, -32768])
  }

  @Test func divisionIsOfTheInputsPrecision() throws {
    // 0.35 / 0.1 is 3.5 exactly in single precision and less in double.
    let scale = 0.1
    let single = try port(1, scale: scale, zeroPoint: 0).quantize(Tensor([Float(0.35)], [1]))
    let double = try port(1, scale: scale, zeroPoint: 0).quantize(Tensor([0.35], [1]))
    #expect(
      single.elements(Int8.self) == [Int8((Float(0.35) / Float(0.1)).rounded(.toNearestOrEven))])
    #expect(double.elements(Int8.self) == [Int8((0.35 / 0.1).rounded(.toNearestOrEven))])
  }

  @Test func dequantizationInverts() throws {
    let x = port(256, scale: 0.0375, zeroPoint: -7)
    let integers = Tensor((-128...127).map { Int8($0) }, [256])
    #expect(try x.quantize(x.dequantize(integers)) == integers)
  }
}
