namespace DCCL.ML.Device;

/// <summary>The scores of some candidates, and by which model they are.</summary>
/// <param name="Scores">The logits in the order of the candidates; NaN for item 0.</param>
/// <param name="IsPatched">Whether the person's patch was used; if not, the cloud model was.</param>
/// <param name="Refusal">Why the patch that was asked for was not used.</param>
/// <param name="Message">The refusal in words: what was expected, what was found, and the remedy.</param>
public sealed record PatchedScores(float[] Scores, bool IsPatched, PatchRefusal Refusal, string? Message);
