import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `GlobalMaxPool`: a max pooling whose window is the image.
public enum GlobalMaxPool: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("GlobalMaxPool") { node, builder throws(Diagnostic) in
        try builder.addGlobalPool(node) { MaxPool2D(window: $0) }
      },
      .relay("nn.global_max_pool2d") { node, builder throws(Diagnostic) in
        try builder.addGlobalPool(node, layout: try node.text("layout", default: "NCHW")) {
          MaxPool2D(window: $0)
        }
      },
    ]
  }
}
