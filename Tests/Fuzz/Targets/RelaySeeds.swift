import Foundation

/// Sound Relay programs: the constructs of the language, and integer networks.
public enum RelaySeeds {
  /// All of them; each is accepted.
  public static var programs: [String] { language + integers + [metadata] }

  private static let language = [
    """
    #[version = "0.0.5"]
    type List[A] { Cons(A, List[A]), Nil, }
    def @length[A](%l: List[A]) -> int32 {
      match (%l) { Cons(_, %rest) => 1 + @length(%rest), Nil => 0, }
    }
    def @main(%x: Tensor[(2), float32]) { (@length(Cons(%x, Cons(%x, Nil))), %x) }
    """,
    """
    #[version = "0.0.5"]
    def @main(%x: float32) {
      let %r = ref(%x);
      let %y = ref_read(%r);
      let %z = ref_write(%r, %y + 1f);
      (ref_read(%r), %y)
    }
    """,
    """
    #[version = "0.0.5"]
    def @main(%x: Tensor[(2), float32], %t: (float32, Tensor[(2), float32])) {
      let %f = fn (%a: Tensor[(2), float32], Primitive=1) -> Tensor[(2), float32] { %a * %t.0 };
      %0 = %f(%x);
      %1 = (%0, %t.1);
      if (True) { %1.0 } else { %1.1 }
    }
    """,
    """
    #[version = "0.0.5"]
    def @twice(%f: fn (float32) -> float32, %x: float32) -> float32 { %f(%f(%x)) }
    def @main(%x: float32) { @twice(fn (%y: float32) { %y / 2f - 1f /* a /* nested */ */ }, %x) }
    """,
  ]

  /// Programs of integers, which are compiled to kernels as they are.
  private static let integers = [
    """
    %0 = nn.conv2d(%x, ones(shape=[2, 2, 3, 3], dtype="int8"), padding=[1, 1], channels=2,
      kernel_size=[3, 3], out_dtype="int32");
    cast(right_shift(%0, 4), dtype="int8")
    """,
    """
    %0 = qnn.conv2d(%x, ones(shape=[2, 1, 3, 3], dtype="int8"), 3, 0, 0.5f, 0.25f, groups=2,
      channels=2, kernel_size=[3, 3], out_dtype="int32");
    %1 = nn.bias_add(%0, ones(shape=[2], dtype="int32"));
    %2 = qnn.requantize(%1, 0.125f, 0, 0.5f, -5, out_dtype="int8");
    clip(%2, a_min=-5f, a_max=100f)
    """,
    """
    %0 = nn.batch_flatten(nn.max_pool2d(%x, pool_size=[2, 2], strides=[2, 2]));
    %1 = qnn.dense(%0, ones(shape=[3, 8], dtype="int8"), 0, 0, 0.5f, 0.5f, units=3,
      out_dtype="int32");
    %2 = qnn.requantize(%1, 0.25f, 0, 1f, 0, rounding="TONEAREST", out_dtype="int8");
    qnn.quantize(nn.softmax(qnn.dequantize(%2, 1f, 0, out_dtype="float32")), 0.00390625f, -128, out_dtype="int8")
    """,
    """
    %0 = qnn.add(%x, transpose(%x, axes=[0, 1, 3, 2]), 0.5f, 0, 0.25f, 1, 0.5f, 2);
    %1 = nn.avg_pool2d(cast(%0, dtype="int32"), pool_size=[2, 2]);
    qnn.tanh(cast(%1, dtype="int8"), 0.5f, 2, 0.0078125f, 0)
    """,
  ].map { "#[version = \"0.0.5\"]\ndef @main(%x: Tensor[(1, 2, 4, 4), int8]) {\n\($0)\n}\n" }

  /// A constant in the metadata.
  private static var metadata: String {
    let array = Data(FuzzSeeds.array([2, 32, 1, 0], [1], [0, 0, 0x80, 0x3F])).base64EncodedString()
    return """
      #[version = "0.0.5"]
      def @main(%x: Tensor[(1), float32]) { add(%x, meta[relay.Constant][0]) }

      #[metadata]
      {"root": 1, "nodes": [{"type_key": ""},
       {"type_key": "Map", "keys": ["relay.Constant"], "data": [2]},
       {"type_key": "Array", "data": [3]},
       {"type_key": "relay.Constant", "attrs": {"data": "0", "span": "0"}}],
       "b64ndarrays": ["\(array)"], "attrs": {"tvm_version": "0.14.0"}}
      """
  }
}
