/// What Relay's operators take: numbers of operands, and attributes with their kinds.
///
/// The facts are those of TVM 0.14. They tell a malformed call from one that is only not supported;
/// what an operator computes is the business of its import rule.
enum OperatorSignatures {
  /// The kind of an attribute's value.
  enum Kind: String {
    case int, number, bool, text, list, any
  }

  /// The signature of an operator.
  struct Signature {
    /// Numbers of operands that calls may have; a tuple is one operand.
    var operands: ClosedRange<Int>
    /// Attributes by name; `nil` where any are taken.
    var attributes: [String: Kind]?
    /// Attributes that must be given, in order.
    var required: [String]
  }

  /// Signatures by the operator's name.
  static let all: [String: Signature] = parse(table)

  /// The first parts of names of operators that the table may lack.
  static let namespaces: Set<String> = [
    "annotation", "contrib", "debug", "device", "dyn", "ethos", "image", "memory", "nn", "op",
    "qnn", "random", "relay", "vision", "vm",
  ]

  /// Numbers of results of operators that make tuples, where it does not depend on attributes.
  static let tupleResults: [String: Int] = [
    "nn.batch_norm": 3, "nn.dropout": 2, "vision.get_valid_counts": 3, "unique": 5,
  ]

  /// The known name that is nearest to `name`; `nil` where none is near.
  static func nearest(to name: String) -> String? {
    let wanted = Array(name.utf8.prefix(64))
    let best = all.keys.map { (distance(wanted, Array($0.utf8)), $0) }.min { $0 < $1 }
    guard let best, best.0 <= max(1, wanted.count / 4) else { return nil }
    return best.1
  }

  /// Number of edits between two names.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }

  private static func parse(_ table: String) -> [String: Signature] {
    var result: [String: Signature] = [:]
    for line in table.split(separator: "\n") {
      let words = line.split(separator: " ")
      let bounds = words[1].split(separator: "-").compactMap { Int($0) }
      guard let low = bounds.first, let high = bounds.last else { continue }
      var attributes: [String: Kind]? = [:]
      var required: [String] = []
      for word in words.dropFirst(2) {
        guard word != "*" else {
          attributes = nil
          continue
        }
        let parts = word.split(separator: ":")
        let name = String(parts[0].filter { $0 != "!" })
        attributes?[name] = Kind(rawValue: String(parts[1])) ?? .any
        if parts[0].hasSuffix("!") { required.append(name) }
      }
      result[String(words[0])] = Signature(
        operands: low...max(low, high), attributes: attributes, required: required)
    }
    return result
  }

  /// Name, number of operands, attributes; '!' marks those that must be given, '*' stands for any.
  private static let table = """
    abs 1
    acos 1
    acosh 1
    add 2
    adv_index 1
    all 1 axis:list keepdims:bool exclude:bool
    annotation.cast_hint 1 *
    annotation.checkpoint 1 *
    annotation.compiler_begin 1 *
    annotation.compiler_end 1 *
    annotation.stop_fusion 1
    any 1 axis:list keepdims:bool exclude:bool
    arange 3 dtype!:text start:any stop:any step:any
    argmax 1 axis:list keepdims:bool select_last_index:bool exclude:bool
    argmin 1 axis:list keepdims:bool select_last_index:bool exclude:bool
    argsort 1 axis:int is_ascend:bool dtype:text
    asin 1
    asinh 1
    atan 1
    atanh 1
    bitwise_and 2
    bitwise_not 1
    bitwise_or 2
    bitwise_xor 2
    broadcast_to 1 shape:list dtype:text
    broadcast_to_like 2
    call_lowered 0-16 *
    cast 1 dtype!:text
    cast_like 2
    ceil 1
    clip 1 a_min!:number a_max!:number
    concatenate 1 axis:int
    contrib_reverse_reshape 1 newshape!:list allowzero:bool
    copy 1
    cos 1
    cosh 1
    cumprod 1 axis:int dtype:text exclusive:bool
    cumsum 1 axis:int dtype:text exclusive:bool
    device_copy 1 *
    divide 2
    einsum 1 equation!:text
    equal 2
    erf 1
    exp 1
    expand_dims 1 axis!:int num_newaxis:int
    fast_erf 1
    fast_exp 1
    fast_tanh 1
    fixed_point_multiply 1 multiplier!:int shift!:int
    fixed_point_multiply_per_axis 4 axes!:list is_lshift_required:bool is_rshift_required:bool
    floor 1
    floor_divide 2
    floor_mod 2
    full 1 shape:list dtype:text
    full_like 2
    gather 2 axis:int
    gather_nd 2 batch_dims:int index_rank:int
    greater 2
    greater_equal 2
    image.affine_grid 1 target_shape!:list
    image.crop_and_resize 3 crop_size:list layout:text method:text extrapolation_value:number \
      out_dtype:text
    image.dilation2d 2 strides:list padding:list dilations:list data_layout:text \
      kernel_layout:text out_dtype:text
    image.grid_sample 2 method:text layout:text padding_mode:text align_corners:bool
    image.resize1d 1 size:list roi:list layout:text method:text \
      coordinate_transformation_mode:text rounding_method:text cubic_alpha:number \
      cubic_exclude:int extrapolation_value:number out_dtype:text
    image.resize2d 1 size:list roi:list layout:text method:text \
      coordinate_transformation_mode:text rounding_method:text cubic_alpha:number \
      cubic_exclude:int extrapolation_value:number out_dtype:text
    image.resize3d 1 size:list roi:list layout:text method:text \
      coordinate_transformation_mode:text rounding_method:text cubic_alpha:number \
      cubic_exclude:int extrapolation_value:number out_dtype:text
    isfinite 1
    isinf 1
    isnan 1
    layout_transform 1 src_layout!:text dst_layout!:text
    left_shift 2
    less 2
    less_equal 2
    log 1
    log10 1
    log2 1
    logical_and 2
    logical_not 1
    logical_or 2
    logical_xor 2
    matrix_set_diag 2 k1:int k2:int super_diag_right_align:bool sub_diag_right_align:bool
    max 1 axis:list keepdims:bool exclude:bool
    maximum 2
    mean 1 axis:list keepdims:bool exclude:bool
    memory.alloc_storage 0-16 *
    memory.alloc_tensor 0-16 *
    memory.kill 1 *
    meshgrid 1 indexing:text
    min 1 axis:list keepdims:bool exclude:bool
    minimum 2
    mod 2
    multiply 2
    ndarray_size 1 dtype:text
    negative 1
    nn.adaptive_avg_pool2d 1 output_size:list layout:text out_layout:text
    nn.adaptive_max_pool2d 1 output_size:list layout:text out_layout:text
    nn.avg_pool1d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool count_include_pad:bool
    nn.avg_pool2d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool count_include_pad:bool
    nn.avg_pool3d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool count_include_pad:bool
    nn.batch_flatten 1
    nn.batch_matmul 2 out_dtype:text transpose_a:bool transpose_b:bool
    nn.batch_norm 5 axis:int epsilon:number center:bool scale:bool
    nn.batch_to_space_nd 1 crops!:list block_shape:list
    nn.bias_add 2 axis:int
    nn.bitpack 1 bits:int pack_axis:int bit_axis:int pack_type:text name:text
    nn.bitserial_conv2d 2 strides:list padding:list kernel_size:list channels:int \
      activation_bits:int weight_bits:int data_layout:text kernel_layout:text pack_dtype:text \
      out_dtype:text unipolar:bool
    nn.bitserial_dense 2 units!:int data_bits:int weight_bits:int pack_dtype:text out_dtype:text \
      unipolar:bool
    nn.contrib_conv2d_NCHWc 2 strides:list padding:list dilation:list groups:int channels:int \
      kernel_size:list data_layout:text kernel_layout:text out_layout:text out_dtype:text
    nn.contrib_dense_pack 2 units!:int out_dtype:text
    nn.conv1d 2 strides:list padding:list dilation:list groups:int channels:int kernel_size:list \
      data_layout:text kernel_layout:text out_layout:text out_dtype:text
    nn.conv1d_transpose 2 channels:int kernel_size:list strides:list output_padding:list \
      padding:list dilation:list groups:int data_layout:text kernel_layout:text out_layout:text \
      out_dtype:text
    nn.conv2d 2 strides:list padding:list dilation:list groups:int channels:int kernel_size:list \
      data_layout:text kernel_layout:text out_layout:text out_dtype:text
    nn.conv2d_transpose 2 channels:int kernel_size:list strides:list output_padding:list \
      padding:list dilation:list groups:int data_layout:text kernel_layout:text out_layout:text \
      out_dtype:text
    nn.conv3d 2 strides:list padding:list dilation:list groups:int channels:int kernel_size:list \
      data_layout:text kernel_layout:text out_layout:text out_dtype:text
    nn.correlation 2 kernel_size:int max_displacement:int stride1:int stride2:int padding:list \
      is_multiply:bool layout:text
    nn.deformable_conv2d 3 strides:list padding:list dilation:list deformable_groups:int \
      groups:int channels:int kernel_size:list data_layout:text kernel_layout:text \
      out_layout:text out_dtype:text
    nn.dense 2 units!:int out_dtype:text
    nn.depth_to_space 1 block_size:int layout:text mode:text
    nn.dilate 1 strides!:list dilation_value:number
    nn.dropout 1 rate:number
    nn.fast_softmax 1 axis:int
    nn.fifo_buffer 2 axis:int
    nn.global_avg_pool2d 1 layout:text out_layout:text
    nn.global_max_pool2d 1 layout:text out_layout:text
    nn.group_norm 3 num_groups:int axis:int epsilon:number center:bool scale:bool
    nn.instance_norm 3 axis:int epsilon:number center:bool scale:bool
    nn.l2_normalize 1 eps!:number axis!:list
    nn.layer_norm 3 axis:int epsilon:number center:bool scale:bool
    nn.leaky_relu 1 alpha:number
    nn.log_softmax 1 axis:int
    nn.lrn 1 size:int axis:int bias:number alpha:number beta:number
    nn.matmul 2 units!:int out_dtype:text transpose_a:bool transpose_b:bool
    nn.max_pool1d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool
    nn.max_pool2d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool
    nn.max_pool3d 1 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool
    nn.mirror_pad 1 pad_width!:list mode:text
    nn.pad 1-2 pad_width!:list pad_mode:text pad_value:number
    nn.prelu 2 axis:int
    nn.relu 1
    nn.softmax 1 axis:int
    nn.space_to_batch_nd 1 paddings!:list block_shape:list pad_value:number
    nn.space_to_depth 1 block_size:int layout:text mode:text
    nn.sparse_dense 4 sparse_lhs:bool
    nn.upsampling 1 scale_h!:number scale_w!:number layout:text method:text align_corners:bool
    nn.upsampling3d 1 scale_d!:number scale_h!:number scale_w!:number layout:text method:text \
      coordinate_transformation_mode:text
    not_equal 2
    on_device 0-16 *
    one_hot 3 depth:int axis:int dtype:text
    ones 0 shape:list dtype:text
    ones_like 1
    power 2
    prod 1 axis:list keepdims:bool exclude:bool
    qnn.abs 5
    qnn.add 8 lhs_axis:int rhs_axis:int
    qnn.avg_pool2d 5 pool_size!:list strides:list dilation:list padding:list layout:text \
      out_layout:text ceil_mode:bool count_include_pad:bool
    qnn.batch_matmul 6 out_dtype:text transpose_a:bool transpose_b:bool
    qnn.concatenate 5 axis:int
    qnn.conv2d 6 strides:list padding:list dilation:list groups:int channels:int kernel_size:list \
      data_layout:text kernel_layout:text out_layout:text out_dtype:text
    qnn.conv2d_transpose 6 channels:int kernel_size:list strides:list output_padding:list \
      padding:list dilation:list groups:int data_layout:text kernel_layout:text out_layout:text \
      out_dtype:text
    qnn.dense 6 units!:int out_dtype:text
    qnn.dequantize 3 out_dtype:text axis:int
    qnn.erf 5
    qnn.exp 5
    qnn.hardswish 5
    qnn.leaky_relu 5 alpha:number
    qnn.log 5
    qnn.mul 8 lhs_axis:int rhs_axis:int
    qnn.quantize 3 out_dtype!:text axis:int
    qnn.requantize 5 axis:int rounding:text compute_dtype:text out_dtype:text
    qnn.rsqrt 5
    qnn.sigmoid 5
    qnn.simulated_dequantize 4 out_dtype!:text axis:int
    qnn.simulated_quantize 4 kind:int sign:bool rounding:text
    qnn.softmax 5 axis:int
    qnn.sqrt 5
    qnn.subtract 8 lhs_axis:int rhs_axis:int
    qnn.tanh 5
    random.normal 3 *
    random.uniform 3 *
    reinterpret 1 dtype!:text
    repeat 1 repeats!:int axis:int
    reshape 1 newshape!:list allowzero:bool
    reshape_like 2 lhs_begin:int lhs_end:int rhs_begin:int rhs_end:int
    reverse 1 axis:int
    reverse_sequence 2 seq_axis:int batch_axis:int
    right_shift 2
    round 1
    rsqrt 1
    scatter_elements 3 axis:int reduction:text
    scatter_nd 3 mode:text
    searchsorted 2 *
    sequence_mask 2 mask_value:number axis:int
    shape_of 1 dtype:text
    sigmoid 1
    sign 1
    sin 1
    sinh 1
    slice_like 2 axes:list
    sliding_window 1 axis!:int window_shape!:list strides!:list
    sort 1 axis:int is_ascend:bool dtype:text
    split 1 indices_or_sections!:any axis:int
    sqrt 1
    squeeze 1 axis:list
    stack 1 axis:int
    strided_set 5
    strided_slice 1-5 begin!:list end!:list strides!:list slice_mode:text axes:list
    subtract 2
    sum 1 axis:list keepdims:bool exclude:bool
    take 2 batch_dims:int axis:int mode:text
    tan 1
    tanh 1
    tile 1 reps!:list
    topk 1 k!:int axis:int ret_type:text is_ascend:bool dtype:text
    transpose 1 axes!:list
    trilu 2 upper:bool
    trunc 1
    trunc_divide 2
    trunc_mod 2
    unique 1 sorted:bool return_counts:bool
    unravel_index 2
    variance 2 axis:list keepdims:bool exclude:bool unbiased:bool
    vision.all_class_non_max_suppression 5 *
    vision.get_valid_counts 2 *
    vision.multibox_prior 1 sizes:list ratios:list steps:list offsets:list clip:bool
    vision.multibox_transform_loc 3 clip:bool threshold:number variances:list \
      keep_background:bool
    vision.non_max_suppression 5 *
    vision.proposal 3 *
    vision.roi_align 2 *
    vision.roi_pool 2 *
    vision.yolo_reorg 1 stride:int
    vm.shape_of 1 *
    where 3
    zeros 0 shape:list dtype:text
    zeros_like 1
    """
}
