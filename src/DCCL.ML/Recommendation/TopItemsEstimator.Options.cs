namespace DCCL.ML.Recommendation;

public sealed partial class TopItemsEstimator
{
    /// <summary>The options of <see cref="TopItemsEstimator"/>.</summary>
    /// <remarks>Immutable and thread-safe.</remarks>
    public sealed class Options
    {
        /// <summary>Gets the number of items at most.</summary>
        /// <value>The default is 10. At least 1. A row with fewer items is filled up with the missing key and NaN.</value>
        public int NumberOfItems { get; init; } = 10;

        /// <summary>Gets a value indicating whether items that the user has had, as far as the model remembers them, are left out.</summary>
        /// <value>The default is <see langword="true"/>.</value>
        public bool ExcludesSeen { get; init; } = true;

        /// <summary>Gets the name of the column that holds the user: a key of the model, or the raw id as text.</summary>
        /// <value>The default is <see langword="null"/>: the user column that the model was trained with.</value>
        public string? UserColumnName { get; init; }

        /// <summary>Gets the name of the column that receives the items.</summary>
        /// <value>The default is TopItems.</value>
        public string ItemsColumnName { get; init; } = "TopItems";

        /// <summary>Gets the name of the column that receives the items' scores.</summary>
        /// <value>The default is TopScores.</value>
        public string ScoresColumnName { get; init; } = "TopScores";

        internal void Validate()
        {
            List<string> faults = [];
            if (NumberOfItems < 1)
            {
                faults.Add($"{nameof(NumberOfItems)} must be at least 1, but is {NumberOfItems}.");
            }

            AddIfEmpty(nameof(ItemsColumnName), ItemsColumnName);
            AddIfEmpty(nameof(ScoresColumnName), ScoresColumnName);
            if (ItemsColumnName == ScoresColumnName)
            {
                faults.Add($"{nameof(ItemsColumnName)} and {nameof(ScoresColumnName)} must differ, but both are '{ItemsColumnName}'.");
            }

            if (faults.Count > 0)
            {
                throw new ArgumentException($"TopItemsEstimator.Options: {string.Join(" ", faults)}");
            }

            void AddIfEmpty(string name, string value)
            {
                if (string.IsNullOrEmpty(value))
                {
                    faults.Add($"{name} must be the name of a column, but is empty.");
                }
            }
        }
    }
}
