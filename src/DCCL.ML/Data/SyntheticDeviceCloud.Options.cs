namespace DCCL.ML.Data;

public sealed partial class SyntheticDeviceCloud
{
    /// <summary>What the log looks like. The symbols are those of <see cref="SyntheticDeviceCloud"/>.</summary>
    public sealed class Options
    {
        /// <summary>Gets the number of users.</summary>
        /// <value>The default is 800.</value>
        public int NumberOfUsers { get; init; } = 800;

        /// <summary>Gets the number of items. A user has events with at most half of them, and with each at most one.</summary>
        /// <value>The default is 400.</value>
        public int NumberOfItems { get; init; } = 400;

        /// <summary>Gets the mean number of events per user, before the most active users are cut off at half of the items.</summary>
        /// <value>The default is 45.</value>
        public double MeanNumberOfEvents { get; init; } = 45;

        /// <summary>Gets the exponent of the users' activity: more than <c>n</c> events have about <c>n ^ -exponent</c> of the users.</summary>
        /// <value>The default is 1.5. At least 1.1.</value>
        public double UserExponent { get; init; } = 1.5;

        /// <summary>Gets the exponent of the items' popularity: the item of rank <c>n</c> has weight <c>n ^ -exponent</c>.</summary>
        /// <value>The default is 0.8. 0 makes all items alike.</value>
        public double ItemExponent { get; init; } = 0.8;

        /// <summary>Gets the number of dimensions of taste, <c>K</c>.</summary>
        /// <value>The default is 4.</value>
        public int TasteRank { get; init; } = 4;

        /// <summary>Gets the standard deviation of what taste adds to the logit. The history tells it.</summary>
        /// <value>The default is 1.</value>
        public double TasteStrength { get; init; } = 1;

        /// <summary>Gets the standard deviation of what the previous item adds to the logit. The history tells it, if its order counts.</summary>
        /// <value>The default is 0.7.</value>
        public double ShortTermStrength { get; init; } = 0.7;

        /// <summary>Gets the number of item attributes that people differ in liking, <c>R</c>.</summary>
        /// <value>The default is 2.</value>
        public int ResidualRank { get; init; } = 2;

        /// <summary>Gets the standard deviation of what a person's own liking of attributes adds to the logit.</summary>
        /// <value>The default is 1.5. 0 plants no personal residual.</value>
        public double ResidualStrength { get; init; } = 1.5;

        /// <summary>Gets the share of the residual's variance that the profile tells.</summary>
        /// <value>The default is 0.3. From 0 to 1; 0 where there is no profile.</value>
        public double ProfileShare { get; init; } = 0.3;

        /// <summary>Gets the number of values of a profile.</summary>
        /// <value>The default is 6. 0 leaves the profile out.</value>
        public int ProfileDimension { get; init; } = 6;

        /// <summary>Gets how much people change from the cloud period to the device period: 1 minus the correlation of their residuals.</summary>
        /// <value>The default is 0.7. From 0 to 1.</value>
        public double ResidualDrift { get; init; } = 0.7;

        /// <summary>Gets the standard deviation of what the device period adds to each item's popularity, the same for everybody.</summary>
        /// <value>The default is 0.7.</value>
        public double PopularityDrift { get; init; } = 0.7;

        /// <summary>Gets a value indicating whether rows are items shown, labelled taken or refused, instead of items chosen.</summary>
        /// <value>The default is <see langword="false"/>.</value>
        public bool WithLabels { get; init; }

        /// <summary>Gets the seed: the same options give the same log.</summary>
        /// <value>The default is 1.</value>
        public int Seed { get; init; } = 1;

        /// <summary>Checks the options.</summary>
        /// <exception cref="ArgumentException">At least one option is out of range; the message names them all.</exception>
        public void Validate()
        {
            List<string> faults = [];
            AtLeast(nameof(NumberOfUsers), NumberOfUsers, 1);
            AtLeast(nameof(NumberOfItems), NumberOfItems, 10);
            AtLeast(nameof(MeanNumberOfEvents), MeanNumberOfEvents, 1);
            AtLeast(nameof(UserExponent), UserExponent, 1.1);
            AtLeast(nameof(ItemExponent), ItemExponent, 0);
            AtLeast(nameof(TasteRank), TasteRank, 1);
            AtLeast(nameof(TasteStrength), TasteStrength, 0);
            AtLeast(nameof(ShortTermStrength), ShortTermStrength, 0);
            AtLeast(nameof(ResidualRank), ResidualRank, 1);
            AtLeast(nameof(ResidualStrength), ResidualStrength, 0);
            Between(nameof(ProfileShare), ProfileShare);
            AtLeast(nameof(ProfileDimension), ProfileDimension, 0);
            Between(nameof(ResidualDrift), ResidualDrift);
            AtLeast(nameof(PopularityDrift), PopularityDrift, 0);
            if (faults.Count > 0)
            {
                throw new ArgumentException($"The options of the synthetic data are out of range. {string.Join(" ", faults)}");
            }

            void AtLeast(string name, double value, double minimum)
            {
                if (!(value >= minimum && double.IsFinite(value)))
                {
                    faults.Add(FormattableString.Invariant($"{name} must be at least {minimum}, but is {value}."));
                }
            }

            void Between(string name, double value)
            {
                if (!(value is >= 0 and <= 1))
                {
                    faults.Add(FormattableString.Invariant($"{name} must be between 0 and 1, but is {value}."));
                }
            }
        }
    }
}
