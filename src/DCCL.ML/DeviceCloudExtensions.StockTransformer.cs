using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.ML;

/// <content>The export to Microsoft's own transformers.</content>
public static partial class DeviceCloudExtensions
{
    /// <summary>
    /// Makes a model of Microsoft's own transformers only that scores as this one does: whoever loads its zip needs the packages
    /// Microsoft.ML, Microsoft.ML.OnnxTransformer and Microsoft.ML.OnnxRuntime, and nothing of DCCL.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Histories, profiles, patches and the network are inside, as ONNX. The columns have the same names and types, user and item keys
    /// in, Score, Probability, PredictedLabel and PatchStatus out. Users whom the model does not know are scored by the cloud model on no
    /// history, and unknown items get NaN, as ever.
    /// </para>
    /// <para>What differs:</para>
    /// <list type="bullet">
    /// <item><description>History and profile are those that the model remembers, even where the data have such columns.</description></item>
    /// <item><description>It is scored row by row, which is many times slower.</description></item>
    /// <item><description>The four columns come in another order, and columns that later ones of the same name hide are dropped.</description></item>
    /// <item><description>It cannot be trained on: keep the model itself, too.</description></item>
    /// </list>
    /// <para>The file holds every user's history and patch: it is for servers, not for devices.</para>
    /// </remarks>
    /// <param name="model">A DCCL transformer, or a model with one inside, whose other parts are kept as they are.</param>
    /// <returns>A chain, which the caller disposes. Nothing is shared with the DCCL transformer.</returns>
    /// <exception cref="ArgumentException">
    /// The model has no DCCL transformer, or more than one; or under somebody's patch a score is not finite: ours would fall back to the cloud model.
    /// </exception>
    /// <exception cref="NotSupportedException">The model is too large for an ONNX file.</exception>
    /// <example>
    /// <code>
    /// mlContext.Model.Save(model.ToStockTransformer(), log.Schema, "stock.zip");
    /// </code>
    /// </example>
    public static ITransformer ToStockTransformer(this ITransformer model) => Replace(model, StockChain.Create(model.DeviceCloudModel()));
}
