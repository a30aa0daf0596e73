import UQGraph
import UQKernels
import UQNumerics

/// `to[i] = (from[i] · factors[i % 2] + offset) mod 256`, as ``scaleRuntime`` has it in C.
struct ScaleKernel: Kernel {
  var symbol = "uq_scale_s8"
  var header = "uq_scale.h"
  var source = "uq_scale_s8.c"
  var from: BufferID
  var to: BufferID
  var scratch: BufferID?
  var factors: ConstantID
  var factorValues: [Int8]
  var offset: Int
  var count: Int
  var isInPlace = false

  var arguments: [CArgument] {
    [
      .structure(
        type: "uq_scale_params",
        fields: [
          CField("count", count), CField("output.offset", offset), CField("output.low", Int32.min),
          CField("taps", array: [1]), CField("limits", array: [-128, 127]),
        ]), .read(from), .constant(factors), .integer(factorValues.count),
      scratch.map { .scratch($0) } ?? .null, .write(to),
    ]
  }
  var inPlace: (read: BufferID, write: BufferID)? { isInPlace ? (from, to) : nil }

  func run(_ memory: ProgramMemory) {
    let source = memory.pointer(from, as: Int8.self)
    let target = memory.pointer(to, as: Int8.self)
    let factors = memory.pointer(factors, as: Int8.self)
    for i in 0..<count {
      let value = Int(source[i]) * Int(factors[i % factorValues.count]) + offset
      target[i] = Int8(truncatingIfNeeded: value)
    }
  }
}

/// A runtime of one kernel.
let scaleRuntime: [(name: String, text: String)] = [
  (
    "uq_status.h",
    """
    #ifndef UQ_STATUS_H
    #define UQ_STATUS_H
    #include <stdint.h>
    typedef int32_t uq_status;
    enum {
        UQ_OK = 0,
        UQ_ERROR_ARENA_NULL = 0x0101,
        UQ_ERROR_ARENA_SIZE = 0x0102,
        UQ_ERROR_ARENA_ALIGNMENT = 0x0103,
        UQ_ERROR_ARGUMENT = 0x0201
    };
    #endif

    """
  ),
  (
    "uq_scale.h",
    """
    #ifndef UQ_SCALE_H
    #define UQ_SCALE_H
    #include <stdint.h>
    #include "uq_wrap.h"
    typedef struct {
        int32_t offset, low;
    } uq_scale_output;
    typedef struct {
        int32_t count;
        uq_scale_output output;
        int32_t taps[1];
        int32_t limits[2];
    } uq_scale_params;
    void uq_scale_s8(const uq_scale_params *params, const int8_t *from,
                     const int8_t *factors, int32_t factor_count, void *scratch,
                     int8_t *to);
    #endif

    """
  ),
  (
    "uq_scale_s8.c",
    """
    #include "uq_scale.h"
    void uq_scale_s8(const uq_scale_params *params, const int8_t *from,
                     const int8_t *factors, int32_t factor_count, void *scratch,
                     int8_t *to)
    {
        if (scratch != 0)
            *(char *)scratch = 1;
        for (int32_t i = 0; i < params->count; i++)
            to[i] = uq_wrap(from[i] * factors[i % factor_count] + params->output.offset);
    }

    """
  ),
  (
    "uq_wrap.h",
    """
    #ifndef UQ_WRAP_H
    #define UQ_WRAP_H
    #include <stdint.h>
    int8_t uq_wrap(int32_t value);
    #endif

    """
  ),
  (
    "uq_wrap.c",
    """
    #include "uq_wrap.h"
    int8_t uq_wrap(int32_t value) { return (int8_t)(uint8_t)((uint32_t)value & 255u); }

    """
  ),
  ("uq_unused.c", "#error\n"),
]

/// Names that a program's values and layers have.
struct ScaleNames {
  var input = "input_1"
  var output = "Identity:0"
  var values = ["conv1/Relu", "conv2/Relu"]
  var layers = ["conv1", "conv2", "dense/MatMul"]
  var constants = ["conv1 weights", "conv2 weights", "dense/MatMul weights"]
}

/// input -> value -> value -> output, three calls of ``ScaleKernel``.
func scaleProgram(_ names: ScaleNames = ScaleNames()) -> KernelProgram {
  var program = KernelProgram(name: "scale")
  func type(_ scale: Double, _ zeroPoint: Int) -> TensorType {
    TensorType(
      .int8, [1, 3, 7],
      quantization: Quantization(bits: 8, scales: [scale], zeroPoint: zeroPoint))
  }
  let buffers: [(String, ProgramBuffer.Kind)] = [
    (names.input, .input(0)), (names.values[0], .activation), (names.values[1], .activation),
    (names.output, .output(0)),
  ]
  for (name, kind) in buffers {
    program.buffers.append(
      ProgramBuffer(name: name, kind: kind, byteCount: 21, alignment: 4, type: type(0.5, 0)))
  }
  program.buffers.append(
    ProgramBuffer(
      name: "\(names.layers[0]) scratch", kind: .scratch, byteCount: 5, alignment: 16))
  let factors: [[Int8]] = [[3, -1], [-128, 127], [5, 2]]
  for index in 0..<3 {
    program.constants.append(
      ProgramConstant(name: names.constants[index], role: .weights, factors[index]))
    let kernel = ScaleKernel(
      from: BufferID(index), to: BufferID(index + 1), scratch: index == 0 ? BufferID(4) : nil,
      factors: ConstantID(index), factorValues: factors[index], offset: [7, -100, 0][index],
      count: 21, isInPlace: index == 1)
    program.calls.append(
      KernelCall(kernel: kernel, layer: names.layers[index], operatorName: "Conv", macs: 21))
  }
  program.inputs = [ProgramPort(name: names.input, buffer: BufferID(0), type: type(0.58369, 83))]
  program.outputs = [
    ProgramPort(name: names.output, buffer: BufferID(3), type: type(1.0 / 256, -128))
  ]
  return program
}
