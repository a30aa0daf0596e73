import UQGraph
import UQSupport

/// The passes that keep what a network computes.
public enum LosslessPasses {
  /// The passes in order, repeated until none changes the graph.
  public static let pipeline = PassPipeline(
    [
      InferShapes(),
      FoldConstants(),
      EliminateDeadCode(),
      RemoveIdentities(),
      RecognizeFakeQuantization(),
      EliminateCommonSubexpressions(),
      RemoveTransposes(),
      SimplifyReshapes(),
      HoistTransposes(),
      ReplaceReductions(),
      MergePads(),
      RecognizeActivations(),
      FoldNormalization(),
      FuseActivations(),
      RecognizeBinarized(),
      MergeChannelAffines(),
      EliminateDeadCode(),
      EliminateDeadChannels(),
      EliminateDeadCode(),
    ], rounds: 8)

  /// Names for `--disable-pass`, in order, each once.
  public static var names: [String] { pipeline.names }
}
