import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@Suite(.enabled(if: CorpusCase.isAvailable)) struct CorpusTests {
  /// Integers equal TVM's.
  @Test(arguments: [
    "op_qnn_abs", "op_qnn_add_samescale", "op_qnn_add_u8", "op_qnn_conv2d",
    "op_qnn_conv2d_nhwc_dw", "op_qnn_conv2d_transpose", "op_qnn_conv2d_u8_zps",
    "op_qnn_conv_full", "op_qnn_dense_u8", "op_qnn_dequantize", "op_qnn_dequantize_pc",
    "op_qnn_hardswish", "op_qnn_log",
    "op_qnn_requantize_TONEAREST_float32",
    "op_qnn_requantize_TONEAREST_float64", "op_qnn_requantize_TONEAREST_int64",
    "op_qnn_requantize_UPWARD_float32", "op_qnn_requantize_UPWARD_float64",
    "op_qnn_requantize_gt1", "op_qnn_requantize_i8_u8", "op_qnn_requantize_odd_TONEAREST_float32",
    "op_qnn_requantize_odd_TONEAREST_float64", "op_qnn_requantize_odd_TONEAREST_int64",
    "op_qnn_requantize_odd_UPWARD_float32", "op_qnn_requantize_odd_UPWARD_float64",
    "op_qnn_quantize_int16", "op_qnn_quantize_int32", "op_qnn_quantize_uint8", "op_qnn_sigmoid",
    "op_qnn_simulated_quantize", "op_qnn_softmax", "op_qnn_tanh",
    "op_fixed_point_multiply", "op_fixed_point_multiply_left", "op_right_shift_i32",
    "op_conv2d_i8_outi32", "op_add_i8_wrap", "op_negative_i8", "op_abs_i8", "op_clip_i32",
    "op_avg_pool2d_i32_pad", "op_avg_pool2d_i8_castup",
    "op_global_avg_pool2d_i32", "op_cast_i32_uint8", "op_cast_i32_int16", "op_cast_i32_uint16",
    "op_divide_i32",
    "mlperf_kws_dscnn_tflite_i8",
  ])
  func integersEqual(_ name: String) throws {
    let item = try CorpusCase(name)
    let results = try CorpusCase.evaluate(item.graph, item.inputs)
    #expect(item.difference(results) == 0, "\(item.difference(results))")
  }
}
