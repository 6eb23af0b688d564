using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>Grows the key mappings of a model's users, items and histories, one after the other as they stand in a chain.</summary>
internal sealed class KeyGrower(DeviceCloudPredictionTransformer model)
{
    private readonly MLContext _context = new();
    private IDataView? _itemValues;
    private bool _hasMappedHistory;

    /// <summary>Makes a mapping anew, with keys for the values of new data.</summary>
    /// <param name="columns">The columns of a key mapping.</param>
    /// <param name="mapped">What the mapping makes of the data.</param>
    /// <param name="data">The new data.</param>
    /// <returns>The mapping; null if none of its columns grows.</returns>
    /// <exception cref="ArgumentException">The data are of another type, or the history's keys are not the item's.</exception>
    public ITransformer? TryGrow(IReadOnlyList<InputOutputColumnPair> columns, DataViewSchema mapped, IDataView data)
    {
        if (!columns.Any(pair => IsGrowing(pair.OutputColumnName) || IsHistory(pair.OutputColumnName)))
        {
            return null;
        }

        // The item first: a history in the same mapping gets its keys.
        ITransformer[] grown = [.. columns.OrderBy(pair => IsHistory(pair.OutputColumnName)).Select(pair => Grow(pair, mapped, data))];
        return grown.Length == 1 ? grown[0] : new TransformerChain<ITransformer>(grown);
    }

    private ITransformer Grow(InputOutputColumnPair pair, DataViewSchema mapped, IDataView data)
    {
        string name = pair.OutputColumnName;
        IDataView values = KeyGrowth.ListValues(_context, pair, mapped, data, IsGrowing(name));
        if (IsHistory(name))
        {
            KeyAgreement.Check(mapped[name], model.ItemIds, model.Parameters.Architecture.NumberOfItems);
            _hasMappedHistory |= _itemValues is null;
            values = _itemValues ?? values; // where items are keys already, nothing grows
        }
        else if (name == model.Columns.ItemColumnName)
        {
            _itemValues = !_hasMappedHistory ? values : throw new ArgumentException(
                $"Column '{model.HistoryColumnName}' must be mapped to the keys of '{name}', together with it or after it, but is mapped before it. "
                + "Put the two into one Conversion.MapValueToKey, and train anew.");
        }

        return KeyGrowth.Map(_context, pair, values, data);
    }

    private bool IsGrowing(string name) => name == model.Columns.UserColumnName || name == model.Columns.ItemColumnName;

    private bool IsHistory(string name) => name == model.HistoryColumnName;
}
